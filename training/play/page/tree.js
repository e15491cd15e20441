// Kept branches and where one is, as lanes that leave one another.

import { h, svg } from "./parts/dom.js";

const ROW = 26, ENDS = 7, LABEL = 76, BUTTONS = 84, GAP = 6; // as in play.css

export function drawTree(box, branches, secondsOf, { onReturn, onDrop }) {
  if (branches.length < 2) {
    box.replaceChildren(h("p", { class: "hint" }, "None is kept. A branch is a point to return to."));
    return;
  }
  const longest = Math.max(...branches.map((one) => one.chunks), 1);
  const width = box.clientWidth - LABEL - BUTTONS - 2 * GAP;
  const x = (chunks) => ENDS + (width - 2 * ENDS) * chunks / longest;
  box.replaceChildren(...branches.map((branch, row) => {
    const here = branch.number === 0, parent = branches.findIndex((one) => one.number === branch.from);
    const begin = parent < 0 ? x(0) : x(branch.shared);
    const tint = here ? "var(--accent)" : "var(--one)";
    const marks = [svg("line", { x1: begin, x2: x(branch.chunks), y1: ROW / 2, y2: ROW / 2, stroke: tint, "stroke-width": 2 }),
      svg("circle", { cx: x(branch.chunks), cy: ROW / 2, r: here ? 5 : 4, fill: tint })];
    if (parent >= 0) {
      marks.unshift(svg("line", { x1: begin, x2: begin, y1: ROW / 2 - (row - parent) * ROW, y2: ROW / 2,
        stroke: "var(--strong)", "stroke-width": 2, "stroke-dasharray": "3 2" }));
    }
    const picture = svg("svg", { width, height: ROW }, marks);
    const label = here ? `here ${secondsOf(branch.chunks)}` : secondsOf(branch.chunks);
    const buttons = here ? h("em", {}) : h("em", {},
      h("button", { onclick: () => onReturn(branch.number), data: { branch: branch.number }, title: "Go on from here; where you are now is kept, too" }, "Return"),
      h("button", { class: "quiet", onclick: () => onDrop(branch.number), title: "Forget this branch" }, "✕"));
    return h("div", { class: here ? "lane here" : "lane" }, picture, h("span", {}, label), buttons);
  }));
}
