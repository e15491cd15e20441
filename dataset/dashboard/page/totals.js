// The strip of totals: what is counted, beside the paper's dataset.

import { h, minutes, percent, svg, words } from "./parts/dom.js";
import { store } from "./store.js";

const BINS = 24, BIN_S = 12.5;
const SHORT = ["W", "S", "A", "D", "R", "F", "↑", "↓", "←", "→", "C", "Z", "–"];

// Rows of the list that a policy of the dataset's build would take.
export function counted(rows, policy) {
  if (policy === "shown") return rows;
  return rows.filter((row) => {
    const decision = (store.decisionOf(row) || {}).verdict;
    if (policy === "accepted") return decision === "accept";
    return decision !== "reject" && (decision === "accept" || store.table.columns.proposed[row] !== "reject");
  });
}

const card = (title, ...content) => h("div", { class: "card" }, h("h2", {}, title), ...content);

const meter = (value, goal) => h("div", { class: "bar", title: `${(100 * value / goal).toFixed(0)} % of the paper's` },
  h("i", { style: `width:${Math.min(100, (100 * value) / goal)}%` }));

const big = (value, of) => h("p", { class: "big" }, h("b", {}, value), h("span", {}, ` / ${of}`));

function footage(rows) {
  const { columns, paper } = store.table;
  const seconds = rows.reduce((sum, row) => sum + columns.seconds[row], 0);
  return card("Minutes", big(minutes(seconds), paper.minutes.toLocaleString("en")), meter(seconds / 60, paper.minutes),
    h("p", { class: "sub" }, `${rows.length.toLocaleString("en")} / ${paper.clips.toLocaleString("en")} clips`));
}

const MANY_SCENES = 100;

function scenes(rows, onScene, onScenes) {
  const { columns, paper, planned_seconds: planned } = store.table;
  const found = new Map(Object.keys(planned || {}).map((name) => [name, 0]));
  for (const row of rows) found.set(columns.scene[row], (found.get(columns.scene[row]) || 0) + columns.seconds[row]);
  const names = [...found.keys()].sort(new Intl.Collator("en", { numeric: true }).compare);
  const covered = names.filter((name) => found.get(name) > 0).length;
  if (names.length > MANY_SCENES) return coverageCard(names.map((name) => Math.min(1, found.get(name) / goalSeconds(name))), covered, onScenes);
  const cells = names.map((name) => {
    const goal = goalSeconds(name), share = Math.min(1, found.get(name) / goal);
    return h("i", { class: share === 0 ? "none" : "", style: share ? `opacity:${0.25 + 0.75 * share}` : "",
      title: `${name}: ${minutes(found.get(name))} of ${minutes(goal)} min`, onclick: () => onScene(name) });
  });
  return card("Scenes", big(String(covered), paper.scenes), h("div", { class: "cells" }, cells));
}

// Too many for a cell each: the share of its minutes that each scene has, from full to empty.
function coverageCard(shares, covered, onScenes) {
  const { paper } = store.table;
  shares.sort((a, b) => b - a);
  const points = shares.map((share, at) => `${((at + 0.5) * 100) / shares.length},${20 - 20 * share}`);
  const under = shares.filter((share) => share < 0.5).length;
  const area = svg("polygon", { points: `0,20 0,${20 - 20 * shares[0]} ${points.join(" ")} 100,20` });
  const box = card("Scenes", big(String(covered), paper.scenes), svg("svg", { viewBox: "0 0 100 20", class: "coverage", preserveAspectRatio: "none" }, area),
    h("p", { class: "sub" }, `${under} below half`));
  box.classList.add("link");
  box.title = "Minutes of each scene, of those planned or the paper's mean; from the fullest to the emptiest";
  box.addEventListener("click", onScenes);
  return box;
}

// What a scene should have: its planned minutes, or the paper's mean.
export function goalSeconds(scene) {
  const { planned_seconds: planned, paper } = store.table;
  return (planned && planned[scene]) || (60 * paper.minutes) / paper.scenes;
}

function durations(rows) {
  const { columns, paper } = store.table;
  const seconds = rows.map((row) => columns.seconds[row]).sort((a, b) => a - b);
  const mean = seconds.reduce((sum, one) => sum + one, 0) / Math.max(1, seconds.length);
  const middle = seconds.length ? (seconds[(seconds.length - 1) >> 1] + seconds[seconds.length >> 1]) / 2 : 0;
  const bins = new Array(BINS).fill(0);
  for (const one of seconds) bins[Math.min(BINS - 1, Math.floor(one / BIN_S))] += 1;
  const most = Math.max(1, ...bins);
  const bars = bins.map((count, at) => svg("rect", { x: at * 4, width: 3.2, y: 30 - (28 * count) / most,
    height: (28 * count) / most }));
  const line = svg("line", { x1: (4 * paper.median_s) / BIN_S, x2: (4 * paper.median_s) / BIN_S, y1: 0, y2: 30 });
  const figure = (name, ours, theirs) => h("span", {}, h("small", {}, name), h("span", {}, h("b", {}, ours.toFixed(0)), ` / ${theirs}`));
  return card("Durations, s", h("p", { class: "figures" }, figure("mean", mean, paper.mean_s),
    figure("median", middle, paper.median_s), figure("max", seconds.at(-1) || 0, paper.max_s)),
  svg("svg", { viewBox: "0 0 96 30", class: "histogram", preserveAspectRatio: "none" }, bars, line));
}

export function actionShares(rows) {
  const { columns, shares } = store.table;
  return shares.map((share) => {
    let frames = 0, pressed = 0;
    for (const row of rows) {
      if (share[row] === null) continue;
      frames += columns.frames[row];
      pressed += share[row] * columns.frames[row];
    }
    return frames ? pressed / frames : null;
  });
}

function actions(rows, onAction) {
  const { actions: names, paper, commands } = store.table;
  const shares = actionShares(rows);
  const top = 0.4, y = (share) => 100 * (1 - Math.min(share, top) / top);
  const waiting = store.news.labels_waiting;
  if (shares.every((share) => share === null)) {
    return card("Actions", h("p", { class: "hint" }, waiting ? `Reading labels, ${waiting} to go…` : ["No labels yet: ", h("code", {}, commands.labels)]));
  }
  const bars = names.map((name, at) => {
    const share = shares[at] ?? 0;
    const out = share < paper.lowest_share || share > paper.highest_share;
    return h("div", { class: `action${out ? " out" : ""}`, onclick: () => onAction(name),
      title: `${words(name)}: ${percent(share)} of frames; wanted ${percent(paper.wanted[at])}, allowed ${percent(paper.lowest_share, 0)} to ${percent(paper.highest_share, 0)}` },
    h("div", { class: "column" },
      h("s", { style: `top:${y(paper.highest_share)}%;height:${y(paper.lowest_share) - y(paper.highest_share)}%` }),
      h("i", { style: `top:${y(share)}%` }), h("u", { style: `top:${y(paper.wanted[at])}%` })),
    h("small", {}, SHORT[at]));
  });
  const good = shares.filter((share) => share >= paper.lowest_share && share <= paper.highest_share).length;
  const title = `Actions · ${good} of 13 in ${100 * paper.lowest_share}–${100 * paper.highest_share} %${waiting ? ` · ${waiting} clips to read` : ""}`;
  return h("div", { class: "card wide" }, h("h2", {}, title), h("div", { class: "actions" }, bars));
}

function review() {
  const { columns } = store.table;
  const sums = { accept: 0, look: 0, reject: 0, none: 0 };
  for (let row = 0; row < store.count; row += 1) sums[(store.decisionOf(row) || { verdict: "none" }).verdict] += 1;
  const seconds = columns.seconds.reduce((sum, one, row) => sum + ((store.decisionOf(row) || {}).verdict === "accept" ? one : 0), 0);
  const done = store.count - sums.none;
  return card("Review", big(done.toLocaleString("en"), store.count.toLocaleString("en")),
    h("div", { class: "bar stack" }, ["accept", "look", "reject"].map((word) =>
      h("i", { class: word, style: `width:${(100 * sums[word]) / Math.max(1, store.count)}%`, title: `${sums[word]} ${word}` }))),
    h("p", { class: "sub sums" }, ["accept", "look", "reject"].map((word) => h("span", { title: `${word}: ${sums[word]} clips` },
      h("i", { class: `dot decision ${word}` }), sums[word].toLocaleString("en"))), h("span", { class: "gap" }), h("span", { title: "minutes accepted" }, `${minutes(seconds)} min`)));
}

export function drawTotals(box, rows, policy, { onPolicy, onScene, onScenes, onAction }) {
  const of = counted(rows, policy);
  const choice = h("select", { id: "policy", "aria-label": "What the totals count", onchange: (event) => onPolicy(event.target.value) },
    [["shown", "all clips shown"], ["not-rejected", "shown, not rejected"], ["accepted", "shown, accepted"]].map(([value, text]) =>
      h("option", { value, selected: value === policy }, text)));
  box.replaceChildren(
    h("div", { class: "cards" }, review(), footage(of), scenes(of, onScene, onScenes), durations(of), actions(of, onAction)),
    h("p", { class: "legend" }, "Beside the paper's dataset. Counted: ", choice),
  );
}
