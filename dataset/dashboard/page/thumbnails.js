// Small pictures, two requests at a time: a browser has few connections, and the video needs one.

import { thumbnailAddress } from "./api.js";
import { h } from "./parts/dom.js";

const AT_ONCE = 2;
const waiting = [];
const known = new Map();
let running = 0;
let paused = false;

export function thumbnail(clip) {
  const image = h("img", { class: "thumb", alt: "", width: 64, height: 36 });
  const address = thumbnailAddress(clip);
  if (known.has(address)) { if (known.get(address)) image.src = address; return image; }
  waiting.push({ image, address });
  queueMicrotask(next);
  return image;
}

export function pauseThumbnails(now) {
  paused = now;
  if (!paused) next();
}

function next() {
  while (!paused && running < AT_ONCE && waiting.length) {
    const { image, address } = waiting.pop(); // the latest rows are those in sight
    if (image.isConnected) draw(image, address);
  }
}

async function draw(image, address) {
  running += 1;
  image.src = address;
  try { await image.decode(); known.set(address, true); } catch {
    if (image.isConnected) known.set(address, false);
    image.removeAttribute("src");
  }
  running -= 1;
  next();
}
