// The columns of the clips' table and of the scenes' table.

import { checkName, clock, h, minutes, number, percent, words } from "./parts/dom.js";
import { store } from "./store.js";
import { thumbnail } from "./thumbnails.js";


export const verdictWord = { accept: "accepted", reject: "rejected", look: "needs a look" };

export const proposal = (word) => h("em", { class: `proposal ${word || "none"}` }, word || "–");

export function decisionBadge(decision) {
  if (!decision) return h("em", { class: "open" }, "open");
  return h("em", { class: `verdict ${decision.verdict}`, title: decision.reason }, verdictWord[decision.verdict]);
}

export function shortTour(clip) {
  return clip.tour_id.replace(/^.*-([0-9a-f]{6,})$/, "$1");
}

function tourCell(clip, marked) {
  return [thumbnail(clip), h("span", { class: "tour", title: clip.tour_id },
    h("b", {}, clip.scene), h("small", {}, `${shortTour(clip)}${marked === clip.tour_id ? " · marked" : ""}`))];
}

function failedCell(clip, most) {
  const extra = clip.failed.length - most;
  return [
    ...clip.failed.slice(0, most).map((check) =>
      h("em", { class: "check", title: check.meaning }, checkName(check.name))),
    extra > 0 ? h("em", { class: "more", title: clip.failed.map((check) => checkName(check.name)).join(", ") },
      `+${extra}`) : "",
  ];
}

function decisionCell(clip) {
  const decision = store.decisionOf(clip.row);
  if (!decision) return decisionBadge(null);
  return [decisionBadge(decision), h("small", { class: "by", title: decision.reason },
    `${decision.reviewer}${decision.reason ? `: ${decision.reason}` : ""}`)];
}

function extraColumn(name) {
  const { checks, values, shares, actions } = store.table;
  const [kind, key] = name.split(":");
  if (kind === "action") {
    const share = shares[actions.indexOf(key)] || [];
    return { name, label: words(key), width: "76px", sort: name, number: true, title: `Share of frames with ${words(key)}`,
      cell: (clip) => share[clip.row] === null ? "–" : percent(share[clip.row]) };
  }
  const check = checks.find((one) => one.name === key);
  if (!check) return null;
  return { name, label: checkName(key), width: "92px", sort: name, number: true,
    title: `${check.meaning} (${check.unit}); fails ${check.direction} ${number(check.threshold)}`,
    cell: (clip) => {
      const failed = clip.failed.some((one) => one.name === key);
      return h("span", { class: failed ? "failing" : "" }, number(values[key][clip.row]));
    } };
}

export function clipColumns(extras, marked, narrow) {
  const measured = store.table.checks.length > 0;
  return [
    { name: "tour", label: "Clip", width: "minmax(190px, 1.4fr)", sort: "tour_id", title: "Scene and tour",
      cell: (clip) => tourCell(clip, marked) },
    { name: "kind", label: "Kind", width: "104px", sort: "kind", cell: (clip) => `${clip.kind}, ${clip.motion}` },
    { name: "seconds", label: "Length", width: "66px", sort: "seconds", number: true, cell: (clip) => clock(clip.seconds) },
    ...(measured ? [
      { name: "proposed", label: "QA says", width: narrow ? "76px" : "84px", sort: "proposed", cell: (clip) => proposal(clip.proposed) },
      { name: "failed", label: "Failed checks", width: narrow ? "minmax(120px, 1fr)" : "minmax(190px, 1.2fr)", sort: "failed", cell: (clip) => failedCell(clip, narrow ? 1 : 2) },
    ] : []),
    ...extras.map(extraColumn).filter(Boolean),
    { name: "decision", label: "Decision", width: "minmax(128px, 1.1fr)", sort: "decision", cell: decisionCell },
  ];
}

export const sceneColumns = () => [
  { name: "scene", label: "Scene", width: "minmax(110px, 2fr)", sort: "scene", cell: (one) => h("b", {}, one.scene) },
  { name: "clips", label: "Clips", width: "48px", sort: "clips", number: true, cell: (one) => String(one.clips) },
  { name: "minutes", label: "Minutes", width: "146px", sort: "seconds", number: true,
    title: "Minutes captured, of those that are planned or of the paper's mean per scene",
    cell: (one) => [h("span", { class: "meter" }, h("i", { style: `width:${Math.min(100, 100 * one.seconds / one.goal_s)}%` })),
      `${minutes(one.seconds)} / ${minutes(one.goal_s)}`] },
  { name: "accepted", label: "Accepted", width: "66px", sort: "accepted_s", number: true, cell: (one) => minutes(one.accepted_s) },
  { name: "rejected", label: "Rejected", width: "66px", sort: "rejected_s", number: true, cell: (one) => minutes(one.rejected_s) },
  { name: "open", label: "Open", title: "Clips without a decision", width: "48px", sort: "open", number: true, cell: (one) => String(one.open) },
  { name: "kinds", label: "Kinds", width: "minmax(96px, 1fr)", cell: (one) => [...one.kinds].sort().join(", ") },
  { name: "lacking", label: "Actions under 5 %", width: "minmax(96px, 1.4fr)",
    cell: (one) => h("span", { class: "by", title: one.lacking.map(words).join(", ") }, one.lacking.map(words).join(", ") || "–") },
];
