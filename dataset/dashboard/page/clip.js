// The second view: a clip, or two side by side at one time, and the decisions on them.

import { videoAddress } from "./api.js";
import { decisionBadge, proposal } from "./columns.js";
import { askReason, quickReasons } from "./decide.js";
import { $, clock, h, toast } from "./parts/dom.js";
import { overview } from "./overview.js";
import { Pane } from "./pane.js";
import { askName } from "./reviewer.js";
import { store } from "./store.js";
import { pauseThumbnails } from "./thumbnails.js";

const SPEEDS = [0.25, 0.5, 1, 1.5, 2, 4];
const DONE = { accept: "Accepted", reject: "Rejected", look: "Marked as needing a look", undo: "Taken back" };

class ClipView {
  constructor() {
    this.panes = [];
    this.speed = 1;
    this.advance = localStorage.getItem("advance") !== "no";
    store.on("decisions", (tours) => this.heard(tours));
    store.on("table", () => this.rowsChanged());
    store.on("state", () => this.drawPresent());
    addEventListener("theme", () => this.panes.forEach((pane) => pane.recolour()));
  }

  get pane() { return this.panes[this.active] || null; }
  get isOpen() { return this.panes.length > 0; }

  open(tourIds) {
    this.close();
    const rows = tourIds.map((name) => store.rowOf.get(name));
    if (rows.some((row) => row === undefined)) {
      toast("That clip is not there (any more).", "bad");
      location.hash = "#/";
      return;
    }
    pauseThumbnails(true);
    const clips = rows.map((row) => store.clip(row)), compact = clips.length > 1;
    this.active = 0;
    this.panes = clips.map((clip) => new Pane(clip, { compact, onFrame: (pane, frame) => this.moved(pane, frame), onFocus: (pane) => this.focus(pane) }));
    $("clip").replaceChildren(this.head = h("div", { id: "cliphead" }), h("div", { class: `panes of${clips.length}` }, this.panes.map((pane) => pane.element)),
      this.transport = h("div", { id: "transport" }));
    $("clip").addEventListener("playing", () => this.drawTransport());
    this.panes.forEach((pane) => { pane.open(); pane.video.playbackRate = this.speed; });
    store.openClip = tourIds[0];
    this.drawHead();
    this.drawTransport();
    this.focus(this.panes[0]);
    this.prefetch();
  }

  close() {
    this.panes.forEach((pane) => pane.close());
    this.panes = [];
    this.ahead?.removeAttribute("src");
    store.openClip = "";
    $("clip").replaceChildren();
    pauseThumbnails(false);
  }

  // The next clip's beginning is fetched while this one is watched.
  prefetch() {
    if (this.panes.length > 1) return;
    const next = overview.neighbour(this.pane.clip.tour_id, 1);
    const first = this.pane.video;
    if (!next) return;
    first.addEventListener("loadeddata", () => {
      if (!this.panes.some((pane) => pane.video === first)) return;
      this.ahead = h("video", { preload: "auto", muted: true });
      this.ahead.src = videoAddress(store.clip(store.rowOf.get(next)));
    }, { once: true });
  }

  focus(pane) {
    this.active = this.panes.indexOf(pane);
    this.panes.forEach((one) => one.element.classList.toggle("active", one === pane && this.panes.length > 1));
    this.drawHead();
  }

  other() { if (this.panes.length > 1) this.focus(this.panes[1 - this.active]); }

  // Two panes are at one time: what moves in one moves the other.
  moved(pane, frame) {
    if (this.panes.length > 1 && !this.following) {
      const second = frame / pane.clip.fps;
      const other = this.panes.find((one) => one !== pane);
      const target = Math.min(other.clip.frames - 1, Math.round(second * other.clip.fps));
      this.following = true;
      if (!other.playing && pane === this.leader() && Math.abs(other.frame - target) > 0) other.seek(target);
      if (other.playing && Math.abs(other.frame - target) > 3) other.seek(target);
      this.following = false;
    }
    this.drawTime();
  }

  leader() { return this.panes.find((pane) => pane.playing) || this.pane; }

  // ---- what is shown around the panes ----

  drawHead() {
    const pane = this.pane;
    if (!pane) return;
    const { clip } = pane, place = overview.placeOf(clip.tour_id);
    const decision = store.decisionOf(store.rowOf.get(clip.tour_id));
    const button = (verdict, label, key) => h("button", { class: `decide ${verdict}${decision?.verdict === verdict ? " on" : ""}`,
      data: { verdict }, onclick: () => this.wish(verdict) }, label, h("kbd", {}, key));
    this.head.replaceChildren(
      h("button", { class: "quiet", title: "Back to the list (Esc)", onclick: () => { location.hash = "#/"; } }, "←"),
      h("div", { class: "name" }, h("b", { title: clip.tour_id }, this.panes.length > 1 ? "Compare" : clip.tour_id),
        h("small", {}, `${clip.kind}, ${clip.motion} · ${clock(clip.seconds)} · ${clip.frames} frames`, place >= 0 ? ` · ${place + 1} of ${overview.rows.length}` : "")),
      clip.proposed ? proposal(clip.proposed) : "",
      this.present = h("span", { class: "present" }),
      h("span", { class: "gap" }),
      h("span", { class: "now", id: "decision" }, decision ? [decisionBadge(decision), h("small", {}, decision.reviewer, decision.reason ? `: ${decision.reason}` : "")] : decisionBadge(null)),
      h("span", { class: "buttons" }, button("accept", "Accept", "a"), button("look", "Look", "l"), button("reject", "Reject", "r"),
        h("button", { class: "quiet", title: "Take back my last decision (u)", onclick: () => this.undo() }, "Undo", h("kbd", {}, "u"))),
    );
    this.drawPresent();
    document.body.dataset.clip = clip.tour_id;
  }

  drawPresent() {
    if (!this.pane) return;
    const here = store.news.present.filter((one) => one.tour_id === this.pane.clip.tour_id).map((one) => one.reviewer);
    this.present.textContent = here.length ? `${here.join(", ")} ${here.length > 1 ? "are" : "is"} here, too` : "";
  }

  drawTransport() {
    const pane = this.pane;
    if (!pane) return;
    const playing = this.panes.some((one) => one.playing);
    this.transport.replaceChildren(
      h("button", { class: "play", title: "Play or pause (Space)", onclick: () => this.toggle() }, playing ? "❚❚" : "▶"),
      this.time = h("span", { class: "time" }),
      h("button", { class: "quiet", title: "Slower ([)", onclick: () => this.changeSpeed(-1) }, "−"), h("span", { class: "speed" }, `${this.speed}×`),
      h("button", { class: "quiet", title: "Faster (])", onclick: () => this.changeSpeed(1) }, "+"),
      h("span", { class: "gap" }),
      h("label", { class: "advance" }, h("input", { type: "checkbox", checked: this.advance, onchange: (event) => this.setAdvance(event.target) }), " next open clip after a decision"),
      h("button", { class: "quiet", title: "Previous clip (k)", onclick: () => this.go(-1) }, "previous", h("kbd", {}, "k")),
      h("button", { class: "quiet", title: "Next clip (j)", onclick: () => this.go(1) }, "next", h("kbd", {}, "j")),
      this.panes.length > 1
        ? h("button", { class: "quiet", onclick: () => this.compare() }, "end comparing", h("kbd", {}, "c"))
        : h("button", { class: "quiet", title: "Beside the marked clip, or the next one (c)", onclick: () => this.compare() }, "compare", h("kbd", {}, "c")),
    );
    this.drawTime();
  }

  drawTime() {
    const pane = this.pane;
    if (!this.time || !pane) return;
    this.time.textContent = `${clock(pane.frame / pane.clip.fps)} / ${clock(pane.clip.seconds)}  ·  frame ${pane.frame} of ${pane.clip.frames}`;
  }

  setAdvance(box) {
    this.advance = box.checked;
    localStorage.setItem("advance", box.checked ? "yes" : "no");
    box.blur();
  }

  // ---- playing ----

  toggle() {
    const playing = this.panes.some((pane) => pane.playing);
    this.panes.forEach((pane) => (playing ? pane.video.pause() : pane.play()));
  }

  changeSpeed(by) {
    this.speed = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, SPEEDS.indexOf(this.speed) + by))];
    this.panes.forEach((pane) => { pane.video.playbackRate = this.speed; });
    this.drawTransport();
  }

  step(frames) { this.panes.forEach((pane) => pane.video.pause()); this.pane.step(frames); }
  finding(direction) { if (!this.pane.nextFinding(direction)) toast(this.pane.view?.qa.problem ? "QA has not measured this clip yet." : "Nothing failed in this clip."); }

  go(by) {
    const next = overview.neighbour(this.pane.clip.tour_id, by);
    if (next) location.hash = `#/clip/${encodeURIComponent(next)}`;
    else toast(by > 0 ? "This is the last clip of the list." : "This is the first clip of the list.");
  }

  compare() {
    const here = this.pane.clip.tour_id;
    if (this.panes.length > 1) { location.hash = `#/clip/${encodeURIComponent(here)}`; return; }
    const marked = overview.marked && overview.marked !== here ? overview.marked : null;
    const other = marked || overview.neighbour(here, 1) || overview.neighbour(here, -1);
    if (!other) { toast("There is no other clip in the list."); return; }
    location.hash = `#/compare/${encodeURIComponent(here)}/${encodeURIComponent(other)}`;
  }

  // ---- decisions ----

  async wish(verdict, ask = verdict !== "accept") {
    const { pane } = this;
    if (!pane || this.deciding) return;
    if (!store.reviewer && !(await askName())) return;
    let reason = "";
    if (ask) {
      reason = await askReason(verdict, quickReasons(pane.clip, verdict), this.head.querySelector(`[data-verdict="${verdict}"]`));
      if (reason === null) return;
    }
    await this.say(pane.clip, verdict, reason);
  }

  async say(clip, verdict, reason) {
    this.deciding = true;
    this.head.classList.add("saving");
    try {
      await store.decide(clip, verdict, reason);
      toast(`${DONE[verdict]}: ${clip.tour_id}`, verdict);
      if (verdict !== "undo" && this.advance && this.panes.length === 1 && this.pane?.clip.tour_id === clip.tour_id) this.toNextOpen(clip.tour_id);
    } catch (error) {
      toast(`Not saved: ${error.message}`, "bad", { label: "Try again", run: () => this.say(clip, verdict, reason) });
    } finally {
      this.deciding = false;
      this.head?.classList.remove("saving");
      this.drawHead();
    }
  }

  toNextOpen(tourId) {
    const next = overview.nextOpen(tourId);
    if (next) location.hash = `#/clip/${encodeURIComponent(next)}`;
    else toast("Every clip of the list is decided.");
  }

  // Takes back the reviewer's latest decision, wherever it was, and goes there.
  async undo() {
    if (!store.reviewer && !(await askName())) return;
    const own = [...store.decisions].filter(([, one]) => one.reviewer === store.reviewer).sort(([, a], [, b]) => (a.time < b.time ? -1 : 1));
    const here = this.pane && store.decisions.get(this.pane.clip.tour_id);
    const tourId = here?.reviewer === store.reviewer ? this.pane.clip.tour_id : own.at(-1)?.[0];
    const row = store.rowOf.get(tourId);
    if (row === undefined) { toast("You have no decision to take back."); return; }
    await this.say(store.clip(row), "undo", "");
    if (this.pane?.clip.tour_id !== tourId) location.hash = `#/clip/${encodeURIComponent(tourId)}`;
  }

  heard(tours) {
    if (!this.isOpen) return;
    for (const pane of this.panes) {
      if (!tours.includes(pane.clip.tour_id)) continue;
      pane.refreshHistory();
      const decision = store.decisions.get(pane.clip.tour_id);
      if (decision && decision.reviewer !== store.reviewer) toast(`${decision.reviewer}: ${decision.verdict}${decision.reason ? `, ${decision.reason}` : ""}`, decision.verdict);
    }
    this.drawHead();
  }

  // The clip that is open may have been captured or measured again.
  rowsChanged() {
    for (const pane of this.panes) {
      const row = store.rowOf.get(pane.clip.tour_id);
      if (row === undefined) toast(`${pane.clip.tour_id} has been removed from the workspace.`, "bad");
      else if (store.clip(row).digest !== pane.clip.digest) this.open(this.panes.map((one) => one.clip.tour_id));
    }
    if (this.isOpen) this.drawHead();
  }
}

export const clipView = new ClipView();
