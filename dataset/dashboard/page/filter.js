// Which rows are shown, and in what order. Pure: takes the store's columns, gives row numbers.

export const NO_FILTER = Object.freeze({
  text: "", proposed: [], decision: [], reviewer: "", failed: [], kind: [], motion: [], scene: "",
  action: "", actionShare: 0, sort: "tour_id", down: false,
});

export function decisionWord(decision) { return decision ? decision.verdict : "none"; }

// The tests that a row must pass, by facet, so that counts can leave out their own facet.
export function tests(store, filter) {
  const { columns, shares, actions } = store.table;
  const found = {};
  const needles = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  if (needles.length) {
    found.text = (row) => {
      const decision = store.decisionOf(row);
      const text = decision
        ? `${columns.text[row]} ${decision.reason.toLowerCase()} ${decision.reviewer.toLowerCase()}`
        : columns.text[row];
      return needles.every((needle) => text.includes(needle));
    };
  }
  for (const name of ["kind", "motion", "proposed"]) {
    if (filter[name].length) {
      const wanted = new Set(filter[name]);
      found[name] = (row) => wanted.has(columns[name][row] || "none");
    }
  }
  if (filter.decision.length) {
    const wanted = new Set(filter.decision);
    found.decision = (row) => wanted.has(decisionWord(store.decisionOf(row)));
  }
  if (filter.reviewer) {
    found.reviewer = (row) => (store.decisionOf(row) || {}).reviewer === filter.reviewer;
  }
  if (filter.failed.length) {
    const wanted = new Set(filter.failed.map((name) => store.checkIndex(name)));
    found.failed = (row) => columns.failed[row].some((check) => wanted.has(check));
  }
  if (filter.scene) found.scene = (row) => columns.scene[row] === filter.scene;
  if (filter.action) {
    const share = shares[actions.indexOf(filter.action)] || [];
    found.action = (row) => share[row] !== null && share[row] >= filter.actionShare;
  }
  return found;
}

export function select(store, filter, without = "") {
  const all = Object.entries(tests(store, filter)).filter(([name]) => name !== without);
  const passes = all.map(([, test]) => test);
  const rows = [];
  for (let row = 0; row < store.count; row += 1) {
    if (passes.every((test) => test(row))) rows.push(row);
  }
  return rows;
}

// Rows sorted by a column, a check ("check:NAME") or an action ("action:NAME"); none come last.
export function sorted(store, rows, filter) {
  const value = valueOf(store, filter.sort);
  const sign = filter.down ? -1 : 1;
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  return rows.map((row) => [value(row), row]).sort(([a, rowA], [b, rowB]) => {
    const missing = (a === null || a === undefined) - (b === null || b === undefined);
    if (missing) return missing;
    const order = typeof a === "string" ? compare(a, b) : a - b;
    return sign * order || rowA - rowB;
  }).map(([, row]) => row);
}

const RANK = { reject: 0, look: 1, accept: 2 };

export function valueOf(store, name) {
  const { columns, values, shares, actions } = store.table;
  if (name.startsWith("check:")) return (row) => (values[name.slice(6)] || [])[row];
  if (name.startsWith("action:")) return (row) => (shares[actions.indexOf(name.slice(7))] || [])[row];
  if (name === "proposed") return (row) => RANK[columns.proposed[row]];
  if (name === "failed") return (row) => columns.failed[row].length;
  if (name === "decision") return (row) => RANK[(store.decisionOf(row) || {}).verdict];
  if (name === "usable") {
    return (row) => columns.usable_frames[row] === null ? null : columns.usable_frames[row] / columns.frames[row];
  }
  return (row) => columns[name][row];
}

// How many rows each value of a facet would leave, with all other facets as they are.
export function counts(store, filter, facet, valuesOf) {
  const found = new Map();
  for (const row of select(store, filter, facet)) {
    for (const value of valuesOf(row)) found.set(value, (found.get(value) || 0) + 1);
  }
  return found;
}
