// The first view: totals, filters and the table of clips or scenes.

import { clipColumns, sceneColumns } from "./columns.js";
import { $, checkName, h, words } from "./parts/dom.js";
import { drawFacets } from "./facets.js";
import { NO_FILTER, select, sorted } from "./filter.js";
import { Grid } from "./grid.js";
import { store } from "./store.js";
import { actionShares, counted, drawTotals, goalSeconds } from "./totals.js";

const ROW_HEIGHT = 46;
const KEPT = "openrelic-list";

class Overview {
  constructor() {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) || "{}");
    this.filter = { ...NO_FILTER, ...kept.filter };
    this.policy = kept.policy || "shown";
    this.extras = kept.extras || [];
    this.tab = kept.tab || "clips";
    this.sceneSort = { by: "scene", down: false };
    this.rows = [];
    this.marked = "";
  }

  begin(open) {
    this.open = open;
    this.grid = new Grid($("grid"), { rowHeight: ROW_HEIGHT, onSort: (by) => this.sortBy(by),
      onOpen: (item) => item && (this.tab === "clips" ? open(item.tour_id) : this.openScene(item.scene)) });
    this.drawBar();
    store.on("table", () => this.update());
    store.on("decisions", () => this.update());
    store.on("state", () => { if (this.waiting !== store.news.labels_waiting) this.update(); });
    matchMedia("(max-width: 1200px)").addEventListener("change", () => this.update());
  }

  keep() {
    const { filter, policy, extras, tab } = this;
    sessionStorage.setItem(KEPT, JSON.stringify({ filter, policy, extras, tab }));
  }

  change(part) {
    this.filter = { ...this.filter, ...part };
    if ((part.failed || []).length === 1) this.addColumn(`check:${part.failed[0]}`);
    if (part.action) this.addColumn(`action:${part.action}`);
    this.grid.box.scrollTop = 0;
    this.grid.cursor = 0;
    this.update();
  }

  addColumn(name) { if (!this.extras.includes(name)) this.extras = [...this.extras, name].slice(-3); }

  sortBy(by) {
    if (this.tab === "scenes") {
      this.sceneSort = { by, down: this.sceneSort.by === by ? !this.sceneSort.down : by !== "scene" };
      this.update();
      return;
    }
    const down = this.filter.sort === by ? !this.filter.down : by.includes(":") || ["failed", "seconds"].includes(by);
    if (by.includes(":")) this.addColumn(by);
    this.change({ sort: by, down });
  }

  openScene(scene) { this.tab = "clips"; this.change({ ...NO_FILTER, scene }); }

  update() {
    if (!store.table) return;
    this.waiting = store.news.labels_waiting;
    this.rows = sorted(store, select(store, this.filter), this.filter);
    this.keep();
    if ($("overview").hidden) return;
    drawFacets($("facets"), this.filter, (part) => this.change(part));
    drawTotals($("totals"), this.rows, this.policy, {
      onPolicy: (policy) => { this.policy = policy; this.update(); },
      onScene: (scene) => this.openScene(scene),
      onScenes: () => { this.tab = "scenes"; this.update(); },
      onAction: (action) => this.sortBy(`action:${action}`),
    });
    this.drawList();
    document.body.dataset.shown = this.rows.length;
  }

  drawList() {
    const scenes = this.tab === "scenes";
    const narrow = matchMedia("(max-width: 1200px)").matches;
    $("search").value = this.filter.text;
    for (const button of $("bar").querySelectorAll("[data-tab]")) button.classList.toggle("on", button.dataset.tab === this.tab);
    $("found").textContent = scenes ? "" : `${this.rows.length.toLocaleString("en")} of ${store.count.toLocaleString("en")} clips`;
    this.drawColumnChoice();
    if (scenes) {
      const items = this.sceneItems();
      this.grid.show(sceneColumns(), items.length, (at) => items[at], this.sceneSort);
    } else {
      const extras = narrow ? this.extras.slice(-1) : this.extras;
      this.grid.show(clipColumns(extras, this.marked, narrow), this.rows.length, (at) => store.clip(this.rows[at]),
        { by: this.filter.sort, down: this.filter.down });
    }
    this.grid.empty.hidden = this.grid.count > 0;
    this.grid.empty.textContent = store.count ? "No clip passes these filters." : "No clip can be read yet.";
  }

  drawBar() {
    const tab = (name, label) => h("button", { data: { tab: name }, onclick: () => { this.tab = name; this.grid.cursor = 0; this.update(); } }, label);
    $("bar").replaceChildren(
      h("input", { id: "search", type: "search", placeholder: "Search scene, tour, reason, reviewer  ( / )", "aria-label": "Search",
        oninput: (event) => this.change({ text: event.target.value }),
        onkeydown: (event) => { if (event.key === "Enter" || event.key === "Escape") { event.target.blur(); event.stopPropagation(); } } }),
      h("span", { id: "found" }), h("span", { class: "gap" }),
      h("select", { id: "sort", "aria-label": "Sort by", onchange: (event) => { if (event.target.value) this.sortBy(event.target.value); } }),
      h("span", { class: "tabs", role: "group" }, tab("clips", "Clips"), tab("scenes", "Scenes")),
    );
  }

  drawColumnChoice() {
    const { checks, actions } = store.table;
    const group = (label, options) => h("optgroup", { label }, options.map(([value, text]) =>
      h("option", { value, selected: value === this.filter.sort }, text)));
    $("sort").hidden = this.tab === "scenes";
    $("sort").replaceChildren(
      group("Sort", [["tour_id", "sorted by clip"], ["seconds", "sorted by length"], ["kind", "sorted by kind"], ["decision", "sorted by decision"],
        ...(checks.length ? [["proposed", "sorted by what QA says"], ["failed", "sorted by failed checks"], ["usable", "sorted by usable share"]] : [])]),
      ...(checks.length ? [group("Sort by check", checks.map((check) => [`check:${check.name}`, `${checkName(check.name)}, ${check.unit}`]))] : []),
      group("Sort by share of an action", actions.map((name) => [`action:${name}`, words(name)])),
    );
  }

  sceneItems() {
    const { columns, planned_seconds: planned, actions, paper } = store.table;
    const found = new Map();
    const one = (scene) => {
      if (!found.has(scene)) found.set(scene, { scene, clips: 0, seconds: 0, accepted_s: 0, rejected_s: 0, open: 0, kinds: new Set(), rows: [] });
      return found.get(scene);
    };
    if (this.rows.length === store.count) Object.keys(planned || {}).forEach(one);
    for (const row of this.rows) {
      const entry = one(columns.scene[row]), decision = (store.decisionOf(row) || {}).verdict;
      entry.clips += 1;
      entry.seconds += columns.seconds[row];
      if (decision === "accept") entry.accepted_s += columns.seconds[row];
      if (decision === "reject") entry.rejected_s += columns.seconds[row];
      if (!decision) entry.open += 1;
      entry.kinds.add(columns.kind[row]);
      entry.rows.push(row);
    }
    const items = [...found.values()].map((entry) => ({ ...entry, goal_s: goalSeconds(entry.scene),
      lacking: actionShares(entry.rows).map((share, at) => (share !== null && share < paper.lowest_share ? actions[at] : null)).filter(Boolean) }));
    const { by, down } = this.sceneSort, compare = new Intl.Collator("en", { numeric: true }).compare;
    return items.sort((a, b) => (down ? -1 : 1) * (by === "scene" ? compare(a.scene, b.scene) : a[by] - b[by]));
  }

  // Where a clip stands in the list, and its neighbours.
  placeOf(tourId) { return this.rows.indexOf(store.rowOf.get(tourId)); }

  neighbour(tourId, by) {
    const at = this.placeOf(tourId);
    const row = at < 0 ? this.rows[0] : this.rows[at + by];
    return row === undefined ? null : store.table.columns.tour_id[row];
  }

  nextOpen(tourId) {
    const at = this.placeOf(tourId);
    const open = (row) => !store.decisionOf(row);
    const row = this.rows.slice(at + 1).find(open) ?? this.rows.slice(0, Math.max(0, at)).find(open);
    return row === undefined ? null : store.table.columns.tour_id[row];
  }

  mark(tourId) { this.marked = this.marked === tourId ? "" : tourId; this.update(); }
  policyRows() { return counted(this.rows, this.policy); }
}

export const overview = new Overview();
