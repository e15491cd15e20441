// A table of any length: only the rows in sight exist. Rows have one height; columns are given as
// {name, label, width, title, cell(item) -> nodes, sort?, number?}; items are asked for by place.

import { h } from "./parts/dom.js";

const SPARE = 4;

export class Grid {
  constructor(box, { rowHeight, onOpen, onSort, onCursor }) {
    this.box = box;
    this.rowHeight = rowHeight;
    this.onOpen = onOpen;
    this.onSort = onSort;
    this.onCursor = onCursor;
    this.count = 0;
    this.itemAt = () => undefined;
    this.columns = [];
    this.cursor = 0;
    this.head = h("div", { class: "row head", role: "row" });
    this.body = h("div", { class: "rows" });
    this.empty = h("p", { class: "empty", hidden: true });
    box.replaceChildren(this.head, this.body, this.empty);
    box.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(box);
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row && !event.target.closest("button")) { this.moveTo(Number(row.dataset.at)); this.onOpen(this.item); }
    });
  }

  get item() { return this.cursor < this.count ? this.itemAt(this.cursor) : undefined; }

  show(columns, count, itemAt, sort) {
    const layout = columns.map((column) => column.width).join(" ");
    this.columns = columns;
    this.count = count;
    this.itemAt = itemAt;
    this.cursor = Math.max(0, Math.min(this.cursor, count - 1));
    this.box.style.setProperty("--columns", layout);
    this.head.replaceChildren(...columns.map((column) => this.header(column, sort)));
    this.body.style.height = `${count * this.rowHeight}px`;
    this.draw(true);
  }

  header(column, sort) {
    const sorted = column.sort && sort.by === column.sort;
    return h("span", {
      class: `${column.number ? "number " : ""}${column.sort ? "sortable" : ""}${sorted ? " sorted" : ""}`,
      role: "columnheader", title: column.title,
      "aria-sort": sorted ? (sort.down ? "descending" : "ascending") : undefined,
      onclick: column.sort ? () => this.onSort(column.sort) : undefined,
    }, h("i", {}, column.label), sorted ? h("b", {}, sort.down ? "↓" : "↑") : "");
  }

  draw(anew = false) {
    const top = Math.max(0, this.box.scrollTop);
    const first = Math.max(0, Math.floor(top / this.rowHeight) - SPARE);
    const end = Math.min(this.count, Math.ceil((top + this.box.clientHeight) / this.rowHeight) + SPARE);
    const there = new Map();
    for (const row of [...this.body.children]) {
      const at = Number(row.dataset.at);
      if (anew || at < first || at >= end) row.remove(); else there.set(at, row);
    }
    for (let at = first; at < end; at += 1) if (!there.has(at)) this.body.append(this.row(at));
  }

  row(at) {
    const item = this.itemAt(at);
    return h("div", { class: `row${at === this.cursor ? " cursor" : ""}`, role: "row", data: { at },
      style: `transform: translateY(${at * this.rowHeight}px)` },
    this.columns.map((column) => h("span", { class: column.number ? "number" : "", role: "gridcell" },
      column.cell(item))));
  }

  moveTo(at) {
    this.body.querySelector(".cursor")?.classList.remove("cursor");
    this.cursor = Math.max(0, Math.min(at, this.count - 1));
    const y = this.cursor * this.rowHeight, room = this.box.clientHeight - this.head.offsetHeight;
    if (y < this.box.scrollTop) this.box.scrollTop = y;
    else if (y + this.rowHeight > this.box.scrollTop + room) this.box.scrollTop = y + this.rowHeight - room;
    this.draw();
    this.body.querySelector(`[data-at="${this.cursor}"]`)?.classList.add("cursor");
    this.onCursor?.(this.item);
  }

  move(by) { this.moveTo(this.cursor + by); }
  page() { return Math.max(1, Math.floor(this.box.clientHeight / this.rowHeight) - 2); }
}
