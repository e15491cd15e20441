// Begins the page and joins its parts: asks for the next chunk when it is time, shows what comes.

import { askStart } from "./begin.js";
import { $, h, toast } from "./parts/dom.js";
import { Input } from "./input.js";
import { Link } from "./link.js";
import { PathMap } from "./map.js";
import { MemoryView } from "./memory.js";
import { Show } from "./show.js";
import { drawTree } from "./tree.js";

const AHEAD = 1.1, SLACK_MS = 30; // when the next chunk is asked for: so that it is there in time
const CONTACT = {
  open: "", lost: "reconnecting…", full: "", refused: "This page was opened under another address than the server's.",
  taken: "This session goes on in another tab.", ended: "This session ended, as nobody steered it.",
};

const now = {
  hello: null, started: false, chunks: [], path: [], shown: -1, frame: -1, earliest: 0, attention: null,
  branches: [], recorded: null, asked: null, ordered: 0, epoch: 0, caption: null,
};
const show = new Show($("view"), framed);
const map = new PathMap($("map"));
const memory = new MemoryView($("shares"), $("strip"), thumbnail, (latent) => map.light(latent === null ? null : 4 * latent));
const input = new Input($("stage"), $("keys"), $("pad"), pull);
const link = new Link(take, contact);

// ---- frames of chunks ----

const framesOf = (chunks) => (chunks ? 4 * now.hello.latents * chunks - 3 : 0);
const secondsOf = (chunks) => `${(framesOf(chunks) / now.hello.fps).toFixed(1)} s`;

function thumbnail(latent) {
  const chunk = Math.floor(latent / now.hello.latents);
  return `frames/${now.hello.session}/${now.chunks[chunk]}/${latent % now.hello.latents}.jpg`;
}

// The next chunk is likely to look back at this one: its key frames are here by then.
function prefetch(chunk) {
  for (let at = 0; at < now.hello.latents; at += 1) new Image().src = thumbnail(chunk * now.hello.latents + at);
}

// Asks for the next chunk, once it is time: none is under way, the last one has begun to be shown, and
// its frames last no longer than the next takes. So the model is never more than a chunk ahead.
function pull() {
  if (!link.open || !now.started || now.asked || now.ordered || document.hidden) return;
  if (!input.anything && !$("stream").checked) { input.times = []; return; }
  if (now.shown < now.chunks.length - 1 || show.left > AHEAD * show.chunkMs + SLACK_MS) return;
  const { held, look, times } = input.take(1000 * framesOf(2) / now.hello.fps / 2);
  now.asked = { at: performance.now(), times };
  const wish = { number: now.chunks.length, shown: now.shown, held, look, gamma: gamma(), watch: $("watch").checked, caption: now.caption };
  link.say("step", wish);
}

async function takeChunk(facts, jpegs) {
  const { asked, epoch } = now; // nothing is asked for before these frames can be shown
  if (asked) show.took(performance.now() - asked.at);
  now.chunks.push(facts.key);
  now.path.push(...facts.path);
  now.recorded = facts.recorded;
  if (facts.attention) prefetch(now.chunks.length - 1);
  const bitmaps = await Promise.all(jpegs.map((jpeg) => createImageBitmap(jpeg)));
  if (epoch !== now.epoch) { bitmaps.forEach((one) => one.close()); return; }
  now.asked = null;
  show.add({ facts, times: asked ? asked.times : [] }, bitmaps);
  document.body.dataset.chunks = now.chunks.length;
}

function framed({ facts }, number) {
  now.frame = framesOf(facts.number) + number;
  if (number === 0) {
    now.shown = facts.number;
    now.attention = facts.attention;
    figures(facts);
    drawMemory();
    buttons();
    now.branches.at(-1).chunks = now.shown + 1; // the line that one is on
    tree();
  }
  drawPlace();
}

async function takeState(facts, jpegs) {
  now.epoch += 1;
  now.ordered = Math.max(0, now.ordered - 1);
  now.asked = null;
  Object.assign(now, { started: facts.started });
  document.body.dataset.ready = "yes";
  if (!facts.started) { begin(); return; }
  const { epoch } = now;
  Object.assign(now, {
    chunks: facts.chunks, path: facts.path, earliest: facts.earliest, branches: facts.branches, recorded: facts.recorded,
    shown: facts.chunks.length - 1, frame: facts.path.length - 1, attention: facts.last?.attention || null, caption: facts.caption,
  });
  document.querySelector("dialog.begin")?.remove();
  input.active = true;
  figures(facts.last);
  drawMemory();
  drawPlace();
  tree();
  if (document.activeElement !== $("words")) $("words").value = facts.caption;
  buttons();
  show.clear();
  const bitmap = jpegs.length ? await createImageBitmap(jpegs[0]) : null;
  if (bitmap && epoch === now.epoch) show.still(bitmap);
  document.body.dataset.chunks = now.chunks.length;
  document.body.dataset.states = Number(document.body.dataset.states || 0) + 1;
}

// ---- what is shown beside the picture ----

function figures(facts) {
  $("tokens").textContent = facts ? facts.tokens.toLocaleString("en") : "–";
  $("bytes").textContent = facts ? bytes(facts.memory_bytes) : "–";
}

function bytes(count) {
  const units = ["B", "kB", "MB", "GB"];
  let at = 0;
  while (count >= 1000 && at < 3) { count /= 1000; at += 1; }
  return `${count >= 100 || !at ? count.toFixed(0) : count.toPrecision(3)} ${units[at]}`;
}

function drawMemory() {
  const why = now.shown < 0 ? "What the shown chunk looks back at appears here."
    : "This chunk was not watched. Tick “watch” to see where its attention goes.";
  const first = framesOf(now.shown);
  memory.update(now.attention, (latent) => (first - 4 * latent) / now.hello.fps, why);
}

function drawPlace() {
  const shares = (now.attention || []).map(([latent, share]) => [4 * latent, share]);
  map.update(now.path, now.frame, shares);
  const place = now.path[now.frame];
  $("place").textContent = place ? whereabouts(place) : "";
  $("clock").hidden = !now.started;
  $("clock").textContent = `${Math.max(0, (now.frame + 1) / (now.hello?.fps || 16)).toFixed(1)} s`;
  document.body.dataset.frame = now.frame;
}

function whereabouts([right, ahead, , up]) {
  const far = (value) => Math.abs(value).toFixed(Math.abs(value) < 99.95 ? 1 : 0);
  return `${far(ahead)} ${ahead < 0 ? "back" : "ahead"} · ${far(right)} ${right < 0 ? "left" : "right"} · ${far(up)} ${up < 0 ? "down" : "up"}`;
}

function buttons() {
  const busy = now.ordered > 0 || !link.open;
  $("undo").disabled = busy || now.shown < 0 || now.shown < now.earliest;
  $("keep").disabled = busy || now.shown < 0;
  $("record").disabled = busy || !now.started;
  $("save").disabled = busy || now.shown < 0;
  $("words").disabled = !now.started;
  const recording = now.recorded !== null && now.started;
  $("record").classList.toggle("on", recording);
  $("record").firstChild.textContent = recording ? "Stop " : "Record ";
  $("recording").hidden = !recording;
  if (recording) $("recorded").textContent = `${(now.recorded / now.hello.fps).toFixed(1)} s`;
}

function tree() {
  drawTree($("tree"), now.branches, secondsOf, { onReturn: (number) => order("return", number), onDrop: (number) => order("drop", number) });
}

function hints(time) {
  const rate = show.rate(time), late = show.latency;
  $("fps").textContent = rate ? rate.toFixed(1) : "–";
  $("latency").textContent = late ? `${Math.round(late.last)} ms (${Math.round(late.median)})` : "–";
  document.body.dataset.latency = late ? Math.round(late.last) : "";
  $("stage").classList.toggle("on", input.active && document.hasFocus() && document.activeElement === $("stage"));
  $("hint").hidden = !now.started || input.anything || now.shown >= 0;
}

// ---- orders ----

// `number` is answered by a state; until then nothing is asked for, and what still comes is dropped.
function order(name, value = null) {
  if (!link.say(name, value)) return;
  now.ordered += 1;
  buttons();
}

function undo() { if (!$("undo").disabled) order("go_to", now.shown); }
function keep() { if (!$("keep").disabled) order("keep"); }
function record() { if (!$("record").disabled) order(now.recorded === null ? "record" : "stop"); }
function gamma() { return Number($("gamma").value); }

function faster(step) {
  $("gamma").value = gamma() * (step > 0 ? 1.1 : 1 / 1.1);
  drawGamma();
}

function drawGamma() { $("gamma-out").textContent = gamma().toFixed(2); }

function begin() {
  if (!now.hello || !link.open) return;
  askStart(now.hello, {
    canClose: now.started,
    onStart: (wish, data) => {
      if (data) link.upload(data);
      order("start", wish);
      notice("Reading the picture…");
      $("stage").focus();
    },
    onLoad: (name) => { order("load", name); notice("Going back to where the session was…"); $("stage").focus(); },
    onProblem: (text) => toast(text, "bad"),
  });
}

// ---- what comes ----

function take(facts, jpegs) {
  if (facts.hello) greet(facts.hello);
  else if (facts.kind === "chunk") takeChunk(facts, jpegs);
  else if (facts.kind === "state") { notice(""); takeState(facts, jpegs); }
  else if (facts.recorded) addRecording(facts);
  else if (facts.saved) { now.hello.saves = facts.saves; toast(`Saved as ${facts.saved}: it is offered under New`); }
  else if (facts.full) notice(facts.full);
  else if (facts.problem) problem(facts.problem);
}

function problem(text) {
  notice("");
  now.ordered = 0;
  now.asked = null;
  toast(text, "bad");
  buttons();
  if (!now.started) begin();
}

function greet(hello) {
  if (now.hello && !hello.known) toast("The session has ended meanwhile.", "bad");
  now.hello = hello;
  now.ordered = 0;
  now.asked = null;
  show.fps = hello.fps;
  $("recipe").textContent = `${hello.recipe} · ${hello.width}×${hello.height} · ${hello.workspace}`;
  if (!input.marks) input.draw(hello.keys);
  $("recordings").replaceChildren(...hello.recordings.map(recordingItem).reverse());
}

function contact(word) {
  $("contact").textContent = word === "open" ? "connected" : word === "lost" ? "reconnecting" : word;
  $("contact").className = `pill ${word === "open" ? "good" : "bad"}`;
  document.body.dataset.contact = word;
  if (word !== "open") input.releaseAll();
  if (word !== "full") notice(CONTACT[word], { taken: "Play here", ended: "Start anew" }[word]);
  if (word === "ended") sessionStorage.clear();
  buttons();
}

function notice(text, offer = "") {
  $("notice").hidden = !text;
  $("notice").firstElementChild.textContent = text;
  $("again").hidden = !offer;
  $("again").textContent = offer;
}

function recordingItem({ recorded, path, frames }) {
  return h("li", {}, h("span", { title: path }, `${recorded} · ${(frames / now.hello.fps).toFixed(1)} s`),
    ["mp4", "json"].map((kind) => h("a", { href: `recordings/${recorded}.${kind}`, download: `${recorded}.${kind}` }, kind)));
}

function addRecording(facts) {
  $("recordings").prepend(recordingItem(facts));
  toast(`Recorded: ${facts.path}`);
}

// ---- keys of the page, and its beginning ----

const KEYS = [
  [["Backspace"], "take the shown chunk back", undo], [["b"], "keep this point as a branch", keep], [[" "], "record, stop", record],
  [["n"], "start anew", begin], [["-"], "slower", () => faster(-1)], [["+", "="], "faster", () => faster(1)],
  [["t"], "light or dark", () => window.switchTheme()], [["?"], "this list", () => help()],
];

function help() {
  const name = { " ": "Space", Backspace: "⌫" };
  const steering = [["w a s d", "forward, left, back, right"], ["r f", "up, down"], ["← ↑ ↓ →", "look; or drag the picture"], ["z c", "roll"],
    ["gamepad", "left stick moves, right stick looks, triggers down and up, shoulders roll"], ["wheel", "speed"]];
  const rows = [...steering, ...KEYS.map(([keys, label]) => [keys.map((one) => name[one] || one).join(" "), label])];
  const dialog = h("dialog", { class: "keys-help" }, h("h2", {}, "Keys"),
    h("dl", {}, rows.map(([keys, label]) => [h("dt", {}, keys.split(" ").map((one) => h("kbd", {}, one))), h("dd", {}, label)])),
    h("form", { method: "dialog" }, h("footer", {}, h("button", { class: "main" }, "Close"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

addEventListener("keydown", (event) => {
  if (event.target.closest?.("input[type=text], input[type=number], dialog") || event.ctrlKey || event.altKey || event.metaKey) return;
  const found = KEYS.find(([keys]) => keys.includes(event.key));
  if (!found || event.repeat) return;
  event.preventDefault();
  found[2]();
});

$("stage").addEventListener("wheel", (event) => { event.preventDefault(); faster(-event.deltaY); }, { passive: false });
$("gamma").addEventListener("input", drawGamma);
for (const [id, act] of [["undo", undo], ["keep", keep], ["record", record], ["anew", begin], ["help", help],
  ["save", () => { if (link.say("save")) { now.ordered += 1; buttons(); } }], ["theme", () => window.switchTheme()],
  ["again", () => { notice(""); link.connect(document.body.dataset.contact === "ended"); }], ["home", begin]]) {
  $(id).addEventListener("click", (event) => { event.preventDefault(); $(id).blur(); act(); });
}

function turn(time) {
  input.readPad();
  show.tick(time);
  pull();
  hints(time);
  requestAnimationFrame(turn);
}

new ResizeObserver(() => { if (now.started) tree(); }).observe($("side"));
$("words").addEventListener("change", () => { now.caption = $("words").value.trim().replace(/\s+/g, " "); });
$("words").addEventListener("keydown", (event) => { if (event.key === "Enter") $("stage").focus(); });
contact("connecting");
drawGamma();
link.connect();
requestAnimationFrame(turn);
