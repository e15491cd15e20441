// What is held: keys, mouse drags on the picture, and a gamepad, several at once.
// A key that is tapped between two chunks counts for its share of the time between them.

import { h } from "./parts/dom.js";

const GROUPS = [
  ["move", "truck_left", "dolly_in", "dolly_out", "truck_right"], ["up, down", "pedestal_up", "pedestal_down"],
  ["look", "pan_left", "tilt_up", "tilt_down", "pan_right"], ["roll", "roll_ccw", "roll_cw"],
];
const ARROWS = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→" };
// Sticks and buttons of the standard layout, as pairs of actions for + and -.
const STICKS = [
  ["dolly_in", "dolly_out"], ["truck_right", "truck_left"], ["pedestal_up", "pedestal_down"],
  ["tilt_up", "tilt_down"], ["pan_right", "pan_left"], ["roll_cw", "roll_ccw"],
];
const DEAD_ZONE = 0.14, LEAST_TAP = 0.15, VIEW_DEG = 90;

export class Input {
  // `stage` is dragged on; `onChange` is called when what is held changes.
  constructor(stage, box, padLabel, onChange) {
    this.stage = stage;
    this.box = box;
    this.padLabel = padLabel;
    this.onChange = onChange;
    this.actionOf = {};
    this.down = new Map();   // action -> when its key went down
    this.tapped = new Map(); // action -> milliseconds that it was down since the last chunk, and is no more
    this.sticks = {};
    this.look = [0, 0];
    this.times = [];         // of changes that no chunk has taken yet
    this.takenAt = performance.now();
    this.active = false;
    this.listen();
  }

  draw(keys) {
    this.actionOf = Object.fromEntries(Object.entries(keys).map(([action, key]) => [key, action]));
    this.marks = {};
    this.box.replaceChildren(...GROUPS.map(([name, ...actions]) => h("div", { class: "group" },
      actions.map((action) => {
        const mark = h("b", { title: action.replaceAll("_", " "), data: { action } }, ARROWS[keys[action]] || keys[action].toUpperCase());
        mark.addEventListener("pointerdown", (event) => { mark.setPointerCapture(event.pointerId); this.press(action); });
        for (const end of ["pointerup", "pointercancel"]) mark.addEventListener(end, () => this.release(action));
        return (this.marks[action] = mark);
      }), h("span", {}, name))));
  }

  listen() {
    addEventListener("keydown", (event) => {
      const action = this.ofEvent(event);
      if (!action) return;
      event.preventDefault();
      if (!event.repeat) this.press(action);
    }, true);
    addEventListener("keyup", (event) => {
      const action = this.actionOf[keyName(event)];
      if (action) this.release(action);
    }, true);
    addEventListener("blur", () => this.releaseAll());
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.releaseAll(); });
    this.stage.addEventListener("pointerdown", (event) => {
      if (event.target.closest("button") || event.button !== 0) return;
      this.stage.focus();
      this.stage.setPointerCapture(event.pointerId);
      this.stage.classList.add("drag");
      this.dragged = event;
    });
    this.stage.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      this.stage.addEventListener(end, () => { this.dragged = null; this.stage.classList.remove("drag"); });
    }
  }

  ofEvent(event) {
    const typing = event.target.closest?.("input[type=text], input[type=number], textarea, dialog");
    if (!this.active || typing || event.ctrlKey || event.altKey || event.metaKey) return null;
    return this.actionOf[keyName(event)];
  }

  // A drag to the right looks to the right, as if a lens of 90 degrees filled the picture's width.
  drag(event) {
    if (!this.dragged || !this.active) return;
    const scale = VIEW_DEG / this.stage.clientWidth;
    const right = (event.clientX - this.dragged.clientX) * scale, up = (this.dragged.clientY - event.clientY) * scale;
    this.dragged = event;
    if (!right && !up) return;
    this.look = [this.look[0] + right, this.look[1] + up];
    this.changed(true);
  }

  press(action) {
    if (!this.active || this.down.has(action)) return;
    this.down.set(action, performance.now());
    this.changed();
  }

  release(action) {
    const since = this.down.get(action);
    if (since === undefined) return;
    this.down.delete(action);
    const from = Math.max(since, this.takenAt);
    // One that a chunk has taken already was seen; one that none has must still count.
    if (since >= this.takenAt) this.tapped.set(action, (this.tapped.get(action) || 0) + performance.now() - from);
    this.changed();
  }

  releaseAll() { for (const action of [...this.down.keys()]) this.release(action); }

  // Of what changes all the time only the first change since the last chunk is timed.
  changed(steadily = false) {
    if (!steadily || !this.times.length) this.times.push(performance.now());
    this.light();
    this.onChange();
  }

  light() {
    for (const [action, mark] of Object.entries(this.marks || {})) {
      mark.classList.toggle("lit", this.down.has(action) || (this.sticks[action] || 0) > 0);
    }
  }

  readPad() {
    const pad = [...(navigator.getGamepads?.() || [])].find((one) => one && one.connected);
    const now = {};
    if (pad && document.hasFocus() && this.active) {
      const axis = (value) => Math.abs(value || 0) < DEAD_ZONE ? 0 : Math.sign(value) * (Math.abs(value) - DEAD_ZONE) / (1 - DEAD_ZONE);
      const button = (number) => pad.buttons[number]?.value || 0;
      const values = [-axis(pad.axes[1]), axis(pad.axes[0]), axis(button(7) - button(6)),
        -axis(pad.axes[3]), axis(pad.axes[2]), button(5) - button(4)];
      values.forEach((value, at) => { if (value) now[STICKS[at][value > 0 ? 0 : 1]] = Math.min(1, Math.abs(value)); });
    }
    this.padLabel.textContent = pad ? "gamepad" : "no gamepad";
    if (JSON.stringify(now) === JSON.stringify(this.sticks)) return;
    this.sticks = now;
    this.changed(true);
  }

  // Whether the next chunk would move.
  get anything() {
    return this.down.size > 0 || this.tapped.size > 0 || Object.keys(this.sticks).length > 0 || this.look.some(Boolean);
  }

  // What the next chunk shall do, and when it was wished; `usualMs` is the time that a chunk stands for.
  take(usualMs) {
    const held = { ...this.sticks };
    for (const [action, ms] of this.tapped) held[action] = Math.max(held[action] || 0, Math.min(1, Math.max(LEAST_TAP, ms / usualMs)));
    for (const action of this.down.keys()) held[action] = 1;
    const taken = { held, look: this.look, times: this.times };
    this.look = [0, 0];
    this.times = [];
    this.tapped.clear();
    this.takenAt = performance.now();
    return taken;
  }

  forget() { this.take(1); }
}

function keyName(event) { return event.key.length === 1 ? event.key.toLowerCase() : event.key; }
