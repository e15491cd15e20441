// Begins the page: reads the table, shows what the address names, keeps the head up to date.

import { clipView } from "./clip.js";
import { $, h } from "./parts/dom.js";
import { listenToKeys, showHelp } from "./keys.js";
import { overview } from "./overview.js";
import { askName } from "./reviewer.js";
import { store } from "./store.js";
import { loadPlotly } from "./track.js";

function route() {
  const [view, ...names] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const clips = view === "clip" ? names.slice(0, 1) : view === "compare" ? names.slice(0, 2) : [];
  $("overview").hidden = clips.length > 0;
  $("clip").hidden = clips.length === 0;
  if (clips.length) {
    const at = overview.placeOf(clips[0]);
    clipView.open(clips);
    if (at >= 0) overview.grid.cursor = at;
  } else {
    clipView.close();
    document.body.dataset.clip = "";
    overview.update();
    overview.grid.moveTo(overview.grid.cursor);
  }
}

function drawHead() {
  const { news } = store;
  $("workspace").textContent = `\u200e${store.table.workspace}\u200e`; // cut at its beginning, read from the left
  $("workspace").title = store.table.workspace;
  $("who").textContent = store.reviewer || "Who are you?";
  $("contact").hidden = store.contact;
  const others = [...new Set(news.present.map((one) => one.reviewer))];
  $("others").textContent = others.length ? `also here: ${others.join(", ")}` : "";
  const notices = [];
  if (!store.table.checks.length) notices.push(["No measurements yet. To have every clip checked, run ", h("code", {}, store.table.commands.qa), "; they appear here by themselves."]);
  const shares = store.table.shares;
  if (!news.labels_waiting && shares.every((share) => share.every((one) => one === null))) {
    notices.push(["No action labels yet: run ", h("code", {}, store.table.commands.labels)]);
  }
  if (news.publishing) notices.push([`Decisions are safe in the local log, but not published: ${news.publishing}`]);
  if (news.problems.length) notices.push([`${news.problems[0]}${news.problems.length > 1 ? ` (and ${news.problems.length - 1} more)` : ""}`]);
  const key = notices.map((notice) => notice.map((part) => part.textContent ?? part).join("")).join("|");
  if ($("notices").dataset.key !== key) {
    $("notices").dataset.key = key;
    $("notices").replaceChildren(...notices.map((notice) => h("p", {}, notice)));
  }
}

async function begin() {
  overview.begin((tourId) => { location.hash = `#/clip/${encodeURIComponent(tourId)}`; });
  store.on("state", drawHead);
  try { await store.load(); } catch (error) {
    $("loading").textContent = `The dashboard does not answer: ${error.message}`;
    return;
  }
  $("loading").remove();
  addEventListener("hashchange", route);
  route();
  document.body.dataset.ready = "yes";
  $("who").addEventListener("click", () => askName());
  $("theme").addEventListener("click", () => window.switchTheme());
  $("help").addEventListener("click", showHelp);
  addEventListener("theme", () => overview.update());
  listenToKeys();
  if (!store.reviewer) askName();
  // What the first clip needs is fetched while the list is read.
  (window.requestIdleCallback || setTimeout)(() => loadPlotly().catch(() => {}));
}

begin();
