// Steers the camera: sends what is held, shows what comes back. Messages: capture/piloting/server.py.
"use strict";

const $ = (id) => document.getElementById(id);
const GROUPS = [
  ["forward, back", "dolly_in", "dolly_out"], ["left, right", "truck_left", "truck_right"],
  ["up, down", "pedestal_up", "pedestal_down"], ["look", "pan_left", "tilt_up", "tilt_down", "pan_right"],
  ["roll", "roll_ccw", "roll_cw"],
];
const ARROWS = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→" };
// Channels: dolly, truck, pedestal, tilt, pan, roll; which action lights up for + and -.
const SIGNS = [
  ["dolly_in", "dolly_out"], ["truck_right", "truck_left"], ["pedestal_up", "pedestal_down"],
  ["tilt_up", "tilt_down"], ["pan_right", "pan_left"], ["roll_cw", "roll_ccw"],
];
const DEAD_ZONE = 0.12, SAY_EVERY_MS = 500, BUSY_RETRY_MS = 2000;

let link = null, actionOf = {}, keyMarks = {}, leastSeconds = 0;
let held = new Set(), shift = false, sticks = [0, 0, 0, 0, 0, 0], padButtons = [];
let status = null, recording = false, shown = 0, ended = false, lastSaid = "", lastSaidAt = 0;
const shownAt = [];

// ---- the link ----

function connect() {
  link = new WebSocket(`ws${location.protocol === "https:" ? "s" : ""}://${location.host}/pilot`);
  link.binaryType = "blob";
  shown = 0;
  lastSaid = "";
  let turn = Promise.resolve();  // decoded in order
  const mine = link;
  link.onmessage = (event) => {
    if (event.data instanceof Blob) turn = turn.then(() => show(event.data, mine));
    else take(JSON.parse(event.data));
  };
  link.onclose = (event) => {
    if (ended) return;
    if (event.code === 4409) setTimeout(connect, BUSY_RETRY_MS);
    else if (event.code === 4403) notice("This page was opened under another address than the pilot's.");
    else notice("The pilot has ended, or cannot be reached.", true);
  };
}

function say(message) {
  if (link && link.readyState === WebSocket.OPEN) link.send(JSON.stringify(message));
}

function take(message) {
  if (message.busy) notice("The pilot is busy: another tab or window is steering. This one takes over when that is closed.");
  if (message.hello) greet(message.hello);
  if (message.status) showStatus(message.status);
  if (message.saved) addRecording(message.saved, message.seconds);
  if (message.planned) answer(message.planned, `In the plan as tour ${message.tour_id}`, "good");
  if (message.problem) problem(message.problem);
  if (message.ended !== undefined) { ended = true; notice(`The engine was lost: ${message.ended}`); }
}

async function show(blob, mine) {
  try {
    const image = await createImageBitmap(blob);
    const view = $("view");
    if (view.width !== image.width || view.height !== image.height) {
      view.width = image.width;
      view.height = image.height;
    }
    view.getContext("2d").drawImage(image, 0, 0);
    image.close();
  } finally {
    if (mine === link) {
      shown += 1;
      say({ shown });
      countFrame();
    }
  }
}

// ---- what is shown ----

function greet(facts) {
  notice("");
  leastSeconds = facts.least_s;
  actionOf = Object.fromEntries(Object.entries(facts.keys).map(([action, key]) => [key, action]));
  $("scene").textContent = facts.scene;
  $("engine").textContent = `${facts.engine} · ${facts.workspace}`;
  $("collision").textContent = facts.collision === "off" ? "off"
    : `${facts.collision}, ${facts.clearance_cm} cm clear`;
  $("least").textContent = `A tour of the plan lasts at least ${leastSeconds} s.`;
  document.title = `${facts.scene} · OpenRELIC pilot`;
  drawKeys(facts.keys);
}

function drawKeys(keys) {
  $("keys").replaceChildren(...GROUPS.map(([name, ...actions]) => {
    const group = element("div", "key");
    for (const action of actions) {
      const mark = element("b", "", ARROWS[keys[action]] || keys[action].toUpperCase());
      mark.title = action.replace("_", " ");
      mark.dataset.action = action;
      keyMarks[action] = mark;
      group.append(mark);
    }
    group.append(element("span", "", name));
    return group;
  }));
}

function showStatus(now) {
  status = now;
  const words = { clear: "clear", sliding: "sliding along a surface", blocked: "blocked" };
  $("contact").textContent = words[now.contact];
  $("contact").className = `tag ${now.contact}`;
  $("stage").classList.toggle("blocked", now.contact === "blocked");
  $("stage").classList.toggle("sliding", now.contact === "sliding");
  recording = now.recorded_s !== null;
  $("recording").hidden = !recording;
  if (recording) $("time").textContent = `${now.recorded_s.toFixed(1)} s`;
  $("record").classList.toggle("on", recording);
  $("record").firstChild.textContent = recording ? "Stop " : "Record ";
  $("fly").classList.toggle("on", now.motion === "fly");
  $("walk").classList.toggle("on", now.motion === "walk");
  $("place").disabled = recording;
  $("moving").textContent = `${now.speed_m_s.toFixed(2)} m/s`;
  const [x, y, z, pitch, yaw, roll] = now.pose.map((value) => value.toFixed(1));
  $("location").textContent = `${x} ${y} ${z} cm`;
  $("rotation").textContent = `pitch ${pitch} yaw ${yaw} roll ${roll}`;
}

function countFrame() {
  const now = performance.now();
  shownAt.push(now);
  while (shownAt[0] < now - 1000) shownAt.shift();
  const rest = status && status.at_rest ? ", at rest" : "";
  $("frames").textContent = `${$("view").width}×${$("view").height}, ${shownAt.length} frames/s${rest}`;
}

function notice(text, offer = false) {
  $("notice").hidden = !text;
  $("notice").firstElementChild.textContent = text;
  $("again").hidden = !offer;
}

function element(name, style, text = "") {
  const made = document.createElement(name);
  made.className = style;
  made.textContent = text;
  return made;
}

// ---- recordings ----

let planning = null;  // the item that waits for an answer

function addRecording(path, seconds) {
  const item = element("li", "");
  item.dataset.path = path;
  item.append(element("div", "", `${path} · ${seconds.toFixed(1)} s`));
  const button = element("button", "plan", "Put in the plan");
  button.onclick = () => { button.blur(); plan(item); };
  item.append(button);
  $("recordings").prepend(item);
}

function plan(item) {
  if (!item || item.dataset.asked) return;
  item.dataset.asked = "yes";
  planning = item;
  item.querySelector("button").disabled = true;
  say({ do: "plan", value: item.dataset.path });
}

function answer(path, text, style) {
  const item = [...$("recordings").children].find((one) => one.dataset.path === path);
  if (!item) return;
  item.querySelector(".said")?.remove();
  if (style === "good") item.querySelector("button")?.remove();
  item.append(element("p", `said ${style}`, text));
  planning = null;
}

function problem(text) {
  if (!planning) { $("recordings").prepend(element("li", "said bad", text)); return; }
  const item = planning;
  answer(item.dataset.path, text, "bad");
  delete item.dataset.asked;
  item.querySelector("button").disabled = false;
}

// ---- what is held ----

function keyName(event) { return event.key.length === 1 ? event.key.toLowerCase() : event.key; }

function pressed(event) {
  shift = event.shiftKey;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const key = keyName(event);
  const ours = { " ": toggleRecording, m: toggleMotion, n: otherPlace, p: () => plan($("recordings").firstElementChild) };
  if (actionOf[key]) held.add(actionOf[key]);
  else if (ours[key]) { if (!event.repeat) ours[key](); }
  else { sayHeld(); return; }
  event.preventDefault();
  sayHeld();
}

function released(event) {
  shift = event.shiftKey;
  const action = actionOf[keyName(event)];
  if (action) held.delete(action);
  sayHeld();
}

function releaseAll() {
  held.clear();
  shift = false;
  sticks = [0, 0, 0, 0, 0, 0];
  sayHeld();
  $("stage").classList.toggle("idle", !document.hasFocus());
}

function toggleRecording() { say({ do: recording ? "stop" : "record" }); }
function toggleMotion() { say({ do: "motion", value: status && status.motion === "fly" ? "walk" : "fly" }); }
function otherPlace() { say({ do: "place" }); }

function speeds() {
  const faster = shift ? 2 : 1;
  return { speed_m_s: Math.exp($("speed").value) * faster, turn_deg_s: Number($("turn").value) * faster };
}

function sayHeld(again = false) {
  const message = { held: { actions: [...held], sticks, ...speeds() } };
  const text = JSON.stringify(message);
  const lit = new Set(held);
  sticks.forEach((value, channel) => { if (value) lit.add(SIGNS[channel][value > 0 ? 0 : 1]); });
  for (const [action, mark] of Object.entries(keyMarks)) mark.classList.toggle("lit", lit.has(action));
  $("speed-out").textContent = `${speeds().speed_m_s.toFixed(2)} m/s`;
  $("turn-out").textContent = `${speeds().turn_deg_s} °/s`;
  if (text === lastSaid && !again) return;
  lastSaid = text;
  lastSaidAt = performance.now();
  say(message);
}

// Sticks: left moves, right looks; triggers go down and up, shoulders roll; A records, X flies or walks.
function readPad() {
  const pad = [...navigator.getGamepads()].find((one) => one && one.connected && one.mapping === "standard");
  $("pad").textContent = pad ? pad.id.slice(0, 28) : "none";
  let now = [0, 0, 0, 0, 0, 0];
  if (pad && document.hasFocus()) {
    const axis = (value) => Math.abs(value) < DEAD_ZONE ? 0
      : Math.sign(value) * Math.round(100 * (Math.abs(value) - DEAD_ZONE) / (1 - DEAD_ZONE)) / 100;
    const button = (number) => pad.buttons[number] ? pad.buttons[number].value : 0;
    now = [-axis(pad.axes[1]), axis(pad.axes[0]), axis(button(7) - button(6)),
      -axis(pad.axes[3]), axis(pad.axes[2]), button(5) - button(4)].map((value) => value + 0);
    const down = pad.buttons.map((one) => one.pressed);
    if (down[0] && !padButtons[0]) toggleRecording();
    if (down[2] && !padButtons[2]) toggleMotion();
    padButtons = down;
  }
  if (now.some((value, channel) => value !== sticks[channel])) { sticks = now; sayHeld(); }
}

setInterval(readPad, 33);
setInterval(() => { if (performance.now() - lastSaidAt > SAY_EVERY_MS) sayHeld(true); }, SAY_EVERY_MS);
addEventListener("keydown", pressed, true);
addEventListener("keyup", released, true);
addEventListener("blur", releaseAll);
addEventListener("focus", () => $("stage").classList.remove("idle"));
document.addEventListener("visibilitychange", () => { if (document.hidden) releaseAll(); });
$("stage").addEventListener("wheel", (event) => {
  event.preventDefault();
  $("speed").value = Number($("speed").value) - Math.sign(event.deltaY) * 0.15;
  sayHeld();
}, { passive: false });
for (const id of ["speed", "turn"]) {
  $(id).addEventListener("input", () => sayHeld());
  $(id).addEventListener("change", () => $(id).blur());
}
for (const [id, act] of [["record", toggleRecording], ["place", otherPlace],
  ["fly", () => say({ do: "motion", value: "fly" })], ["walk", () => say({ do: "motion", value: "walk" })],
  ["again", connect]]) {
  $(id).addEventListener("click", () => { $(id).blur(); act(); });
}
sayHeld();
connect();
