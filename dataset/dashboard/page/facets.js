// Filters at the side: values with the number of clips that each would leave.

import { checkName, h, words } from "./parts/dom.js";
import { counts, decisionWord, NO_FILTER } from "./filter.js";
import { store } from "./store.js";

const GROUPS = { camera_motion: "Camera motion", viewpoint_stability: "Viewpoint stability",
  exposure_lighting: "Exposure and lighting", render_quality: "Render quality",
  label_agreement: "Label agreement", file_integrity: "Files" };
const DECISIONS = [["none", "open"], ["accept", "accepted"], ["look", "needs a look"], ["reject", "rejected"]];

export function drawFacets(box, filter, change) {
  const { columns, checks } = store.table;
  const facet = (name, valuesOf) => counts(store, filter, name, valuesOf);
  const toggle = (name, value) => {
    const on = filter[name].includes(value);
    change({ [name]: on ? filter[name].filter((one) => one !== value) : [...filter[name], value] });
  };
  const option = (name, value, label, count, title) => h("button", {
    class: `option${filter[name].includes(value) ? " on" : ""}${count ? "" : " zero"}`, title,
    "aria-pressed": String(filter[name].includes(value)), data: { facet: name, value },
    onclick: () => toggle(name, value),
  }, h("span", { class: `dot ${name} ${value}` }), h("span", { class: "label" }, label), h("b", {}, String(count || 0)));

  const decided = facet("decision", (row) => [decisionWord(store.decisionOf(row))]);
  const parts = [section("Decision", DECISIONS.map(([value, label]) => option("decision", value, label, decided.get(value))))];
  const reviewers = facet("reviewer", (row) => [(store.decisionOf(row) || {}).reviewer].filter(Boolean));
  if (reviewers.size > 1 || filter.reviewer) {
    parts.push(section("Reviewer", [choice("reviewer", filter, [...reviewers.keys()].sort().map((name) => [name, `${name} (${reviewers.get(name)})`]), "anybody", change)]));
  }
  if (checks.length) {
    const proposed = facet("proposed", (row) => [columns.proposed[row] || "none"]);
    const proposals = ["accept", "look", "reject", ...(proposed.get("none") ? ["none"] : [])];
    parts.push(section("QA says", proposals.map((value) => option("proposed", value, value === "none" ? "not measured" : value, proposed.get(value)))));
  }
  for (const name of ["kind", "motion"]) {
    const found = facet(name, (row) => [columns[name][row]]);
    const all = [...new Set(columns[name])].sort();
    if (all.length > 1) parts.push(section(name === "kind" ? "Tour" : "Motion", all.map((value) => option(name, value, value, found.get(value))), "inline"));
  }
  parts.push(section("Scene", [choice("scene", filter, [...new Set(columns.scene)].sort(new Intl.Collator("en", { numeric: true }).compare).map((name) => [name, name]), "all scenes", change)]));
  parts.push(section("Action", [actionChoice(filter, change)]));
  if (checks.length) parts.push(...failedChecks(filter, facet, option));
  const set = Object.keys(NO_FILTER).some((name) => !["sort", "down"].includes(name) && JSON.stringify(filter[name]) !== JSON.stringify(NO_FILTER[name]));
  box.replaceChildren(h("button", { class: "clear", disabled: !set, onclick: () => change({ ...NO_FILTER, sort: filter.sort, down: filter.down }) }, "Clear filters"), ...parts);
}

const section = (title, content, kind = "") => h("section", {}, h("h3", {}, title), h("div", { class: kind }, content));

function choice(name, filter, values, none, change) {
  return h("select", { "aria-label": name, data: { facet: name }, onchange: (event) => change({ [name]: event.target.value }) },
    h("option", { value: "" }, none), values.map(([value, text]) => h("option", { value, selected: value === filter[name] }, text)));
}

function actionChoice(filter, change) {
  const { actions } = store.table;
  const percent = Math.round(100 * filter.actionShare);
  return h("div", { class: "pairing" },
    choice("action", filter, actions.map((name) => [name, words(name)]), "any action", (part) =>
      change({ ...part, actionShare: filter.actionShare || 0.1 })),
    h("label", { class: filter.action ? "" : "zero" }, "≥ ", h("input", { type: "number", min: 0, max: 100, value: percent || 10, "aria-label": "Least share in percent",
      onchange: (event) => change({ actionShare: Number(event.target.value) / 100 }) }), " %"));
}

function failedChecks(filter, facet, option) {
  const { checks, columns } = store.table;
  const failing = facet("failed", (row) => columns.failed[row]);
  const ever = new Set(columns.failed.flat()); // what never failed would only be in the way
  if (!ever.size) return [section("Failed checks", [h("p", { class: "hint" }, "none")])];
  return Object.entries(GROUPS).map(([group, title]) => {
    const inside = checks.map((check, at) => ({ check, at, count: failing.get(at) || 0 }))
      .filter(({ check, at }) => check.group === group && (ever.has(at) || filter.failed.includes(check.name)));
    return inside.length ? section(`Failed: ${title}`, inside.map(({ check, count }) =>
      option("failed", check.name, checkName(check.name), count, `${check.meaning}, in ${check.unit}`))) : null;
  }).filter(Boolean);
}
