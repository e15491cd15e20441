// The keys: what they do, where, and the overlay that lists them. One table serves both.

import { clipView } from "./clip.js";
import { $, h } from "./parts/dom.js";
import { overview } from "./overview.js";

const always = () => true;
const inList = () => !clipView.isOpen;
const inClip = () => clipView.isOpen;
const goHome = () => { location.hash = "#/"; };

const KEYS = [
  ["List", [
    { keys: ["ArrowDown", "j"], label: "next row", when: inList, run: () => overview.grid.move(1) },
    { keys: ["ArrowUp", "k"], label: "previous row", when: inList, run: () => overview.grid.move(-1) },
    { keys: ["PageDown"], label: "a page down", when: inList, run: () => overview.grid.move(overview.grid.page()) },
    { keys: ["PageUp"], label: "a page up", when: inList, run: () => overview.grid.move(-overview.grid.page()) },
    { keys: ["Enter"], label: "open the clip", when: inList, run: () => overview.grid.item && overview.grid.onOpen(overview.grid.item) },
    { keys: ["/"], label: "search", when: always, run: () => { goHome(); setTimeout(() => $("search").focus()); } },
    { keys: ["x"], label: "mark for comparing", when: inList, run: () => overview.grid.item?.tour_id && overview.mark(overview.grid.item.tour_id) },
  ]],
  ["Watch", [
    { keys: [" "], label: "play or pause", when: inClip, run: () => clipView.toggle() },
    { keys: ["ArrowRight", "."], label: "a frame on", when: inClip, run: () => clipView.step(1) },
    { keys: ["ArrowLeft", ","], label: "a frame back", when: inClip, run: () => clipView.step(-1) },
    { keys: ["Shift+ArrowRight"], label: "a second on", when: inClip, run: () => clipView.step(clipView.pane.clip.fps) },
    { keys: ["Shift+ArrowLeft"], label: "a second back", when: inClip, run: () => clipView.step(-clipView.pane.clip.fps) },
    { keys: ["Home"], label: "first frame", when: inClip, run: () => clipView.pane.seek(0) },
    { keys: ["End"], label: "last frame", when: inClip, run: () => clipView.pane.seek(Infinity) },
    { keys: ["n"], label: "next frame that failed a check", when: inClip, run: () => clipView.finding(1) },
    { keys: ["p"], label: "previous one", when: inClip, run: () => clipView.finding(-1) },
    { keys: ["["], label: "slower", when: inClip, run: () => clipView.changeSpeed(-1) },
    { keys: ["]"], label: "faster", when: inClip, run: () => clipView.changeSpeed(1) },
  ]],
  ["Decide", [
    { keys: ["a"], label: "accept", when: inClip, run: () => clipView.wish("accept") },
    { keys: ["Shift+A"], label: "accept, with a reason", when: inClip, run: () => clipView.wish("accept", true) },
    { keys: ["r"], label: "reject, with a reason", when: inClip, run: () => clipView.wish("reject") },
    { keys: ["l"], label: "needs a look, with a reason", when: inClip, run: () => clipView.wish("look") },
    { keys: ["u", "Ctrl+z"], label: "take back my last decision", when: always, run: () => clipView.undo() },
  ]],
  ["Go", [
    { keys: ["j"], label: "next clip of the list", when: inClip, run: () => clipView.go(1) },
    { keys: ["k"], label: "previous clip", when: inClip, run: () => clipView.go(-1) },
    { keys: ["c"], label: "compare with the marked or next clip; end comparing", when: inClip, run: () => clipView.compare() },
    { keys: ["Tab"], label: "the other one of two", when: () => clipView.panes.length > 1, run: () => clipView.other() },
    { keys: ["x"], label: "mark this clip for comparing", when: inClip, run: () => overview.mark(clipView.pane.clip.tour_id) },
    { keys: ["Escape"], label: "back to the list", when: inClip, run: goHome },
    { keys: ["t"], label: "light or dark", when: always, run: () => window.switchTheme() },
    { keys: ["?"], label: "these keys", when: always, run: () => showHelp() },
  ]],
];

const SHOWN = { " ": "Space", ArrowRight: "→", ArrowLeft: "←", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };
const shown = (key) => key.split("+").map((part) => SHOWN[part] || part);

export function showHelp() {
  document.querySelector("dialog.help")?.remove();
  const dialog = h("dialog", { class: "help", onclick: (event) => { if (event.target === dialog) dialog.close(); }, onclose: () => dialog.remove() },
    h("h2", {}, "Keys"), h("div", { class: "key-groups" }, KEYS.map(([title, entries]) => h("section", {}, h("h3", {}, title),
      h("dl", {}, entries.map(({ keys, label }) => [h("dt", {}, keys.map((key) => h("span", {}, shown(key).map((part) => h("kbd", {}, part))))), h("dd", {}, label)]))))),
    h("p", { class: "hint" }, "In the timeline: click or drag seeks, the wheel zooms, Shift and wheel moves, a double click shows the whole clip."));
  dialog.addEventListener("keydown", (event) => { event.stopPropagation(); if (event.key === "?" || event.key === "q") dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
}

export function listenToKeys() {
  addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea") && event.target.type !== "checkbox") return;
    if (event.target.closest("button") && event.key === "Enter") return;
    const letter = event.key.length === 1;
    const name = `${event.ctrlKey ? "Ctrl+" : ""}${event.shiftKey && (!letter || /[A-Z]/.test(event.key)) ? "Shift+" : ""}${event.key}`;
    for (const [, entries] of KEYS) {
      const found = entries.find((entry) => entry.keys.includes(name) && entry.when());
      if (found) { event.preventDefault(); found.run(); return; }
    }
  });
}
