// One clip: video, path, findings, history and timeline, all at one frame.

import { getView, videoAddress } from "./api.js";
import { checkName, clock, dateTime, h, number, words } from "./parts/dom.js";
import { verdictWord } from "./columns.js";
import { store } from "./store.js";
import { Timeline } from "./timeline.js";
import { Track } from "./track.js";

const PATIENCE_MS = 400;
const EXPOSURE = ["blown_share", "crushed_share", "brightness"];

const unitOf = (check) => (check && check.unit !== "share" ? check.unit : "");

export class Pane {
  // `onFrame(pane, frame)`: the frame is another; `onFocus(pane)`: somebody works with this one.
  constructor(clip, { onFrame, onFocus, compact }) {
    Object.assign(this, { clip, onFrame, compact, frame: 0, view: null, at: -1, extra: null });
    this.video = h("video", { preload: "auto", muted: true, playsinline: true, disablepictureinpicture: true });
    this.video.muted = true;
    this.banner = h("p", { class: "banner", hidden: true });
    this.badge = h("span", { class: "frame-badge" });
    this.failure = h("p", { class: "failure", hidden: true });
    this.stage = h("div", { class: "stage", onclick: () => this.toggle() }, this.video, this.banner, this.badge, this.failure);
    const seek = (frame) => this.seek(frame);
    this.track = new Track({ onSeek: seek });
    this.timeline = new Timeline({ frames: clip.frames, fps: clip.fps, onSeek: seek });
    this.timeline.compact = compact;
    this.findings = h("ol", { class: "findings" });
    this.facts = h("div", { class: "facts" });
    this.hints = h("p", { class: "hint" });
    this.side = h("div", { class: "side" }, this.findings, this.facts);
    this.element = h("article", { class: `pane${compact ? " compact" : ""}`, onpointerdown: () => onFocus(this) },
      compact ? h("h2", { title: clip.tour_id }, h("b", {}, clip.scene), ` ${clip.tour_id}`) : "",
      h("div", { class: "upper" }, this.stage, this.track.element, this.side),
      h("div", { class: "lower" }, this.timeline.element, this.hints));
    this.watch();
  }

  async open(frame = 0) {
    this.video.src = videoAddress(this.clip);
    if (frame) this.seek(frame); else this.moved(0);
    // The picture comes first: what is drawn beside it would only be in its way.
    await Promise.race([this.firstFrame, new Promise((done) => setTimeout(done, PATIENCE_MS))]);
    if (this.closed) return;
    try {
      const view = await getView(this.clip.tour_id);
      if (this.closed) return;
      this.take(view);
    } catch (error) { this.hints.textContent = error.message; }
  }

  take(view) {
    this.view = view;
    this.found = view.qa.findings || [];
    this.timeline.findings = this.found;
    this.timeline.segments = view.qa.segments || null;
    this.timeline.actions = view.actions.runs ? Object.entries(view.actions.runs).map(([name, runs]) =>
      ({ name: words(name), runs, kind: name === "static" ? "rest" : /pan|tilt|roll/.test(name) ? "turn" : "move" })) : null;
    this.hints.replaceChildren(...["actions", "qa"].filter((part) => view[part].problem).map((part) =>
      h("span", {}, `${part === "qa" ? "Measurements" : "Labels"}: ${view[part].problem}`)));
    this.hints.hidden = !this.hints.childElementCount;
    this.drawCharts();
    this.drawFindings();
    this.drawFacts();
    requestAnimationFrame(() => { if (!this.closed) this.track.draw(view.track, this.found); });
    this.element.dataset.ready = "yes";
  }

  drawCharts() {
    const { track, qa } = this.view, checks = new Map(store.table.checks.map((check) => [check.name, check]));
    const limit = (name) => (checks.get(name)?.on ? { threshold: checks.get(name).threshold, direction: checks.get(name).direction } : {});
    const charts = [];
    if (!track.problem) {
      charts.push({ label: "speed", unit: "m/s", lines: [{ name: "speed", values: track.speed_m_s, ...limit("speed_m_s") }] });
      charts.push({ label: "turning", unit: "°/s", lines: [{ name: "turning", values: track.turn_deg_s, ...limit("turn_deg_s") }] });
    }
    const measured = (name) => (qa.seconds?.[name] || []).some((value) => value !== null);
    const perSecond = (name) => ({ name: checkName(name), values: qa.seconds[name], perSecond: true, ...limit(name) });
    const exposure = EXPOSURE.filter(measured);
    if (exposure.length) charts.push({ label: "exposure", unit: "", high: 1, lines: exposure.map(perSecond) });
    const single = ["flicker", ...(this.extra && !EXPOSURE.includes(this.extra) && this.extra !== "flicker" ? [this.extra] : [])];
    for (const name of single.filter(measured)) {
      charts.push({ label: checkName(name), unit: checks.get(name)?.unit || "", lines: [perSecond(name)] });
    }
    this.timeline.charts = charts;
    this.timeline.draw();
    this.timeline.show(this.frame);
  }

  drawFindings() {
    const unit = (name) => store.table.checks.find((check) => check.name === name);
    const items = this.found.map((one, at) => {
      const check = unit(one.check);
      return h("li", { data: { at }, onclick: () => this.toFinding(at) },
        h("b", {}, checkName(one.check)), h("span", { class: "value" }, `${number(one.value)} ${unitOf(check)}`),
        h("small", {}, `${clock(one.first_frame / this.clip.fps)} · ${one.frames} frames${check ? ` · ${check.direction} ${number(check.threshold)}` : ""}`));
    });
    const whole = (this.view.qa.failed || []).filter((name) => !this.found.some((one) => one.check === name)).map((name) =>
      h("li", { class: "whole" }, h("b", {}, checkName(name)), h("span", { class: "value" }, number(this.view.qa.values[name])), h("small", {}, "the whole clip")));
    const none = this.view.qa.problem ? "Not measured yet" : "Nothing failed";
    this.findings.replaceChildren(h("li", { class: "title" }, items.length + whole.length ? `Findings · ${items.length + whole.length}` : none, h("kbd", {}, "n"), h("kbd", {}, "p")), ...whole, ...items);
  }

  drawFacts() {
    const { facts, history } = this.view;
    const said = history.map((one) => h("li", { class: one.stale ? "stale" : "" },
      h("em", { class: `verdict ${one.verdict}` }, verdictWord[one.verdict] || "taken back"), ` ${one.reviewer}`,
      one.reason ? h("q", {}, one.reason) : "", h("small", {}, `${dateTime(one.time)}${one.stale ? ", of an earlier clip" : ""}`)));
    this.facts.replaceChildren(
      h("details", { open: said.length > 0 }, h("summary", {}, `Decisions · ${said.length}`), h("ul", { class: "history" }, said.reverse())),
      h("details", {}, h("summary", {}, "Facts"), h("dl", {}, Object.entries(facts).map(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]))));
  }

  async refreshHistory() {
    if (!this.view) return;
    try {
      const { history } = await getView(this.clip.tour_id);
      if (this.closed) return;
      this.view.history = history;
      this.drawFacts();
    } catch { /* the next decision brings it */ }
  }

  // ---- time ----

  watch() {
    const frameOf = (seconds) => Math.max(0, Math.min(this.clip.frames - 1, Math.round(seconds * this.clip.fps - 1e-3)));
    const next = (_, shown) => {
      if (this.closed) return;
      if (!this.wanted) this.moved(frameOf(shown.mediaTime));
      this.video.requestVideoFrameCallback(next);
    };
    this.firstFrame = new Promise((done) => {
      this.video.requestVideoFrameCallback((now, shown) => {
        this.element.dataset.firstFrame = "yes";
        done();
        next(now, shown);
      });
    });
    this.video.addEventListener("seeked", () => {
      const wanted = this.wanted;
      this.wanted = null;
      if (wanted !== null && wanted !== undefined && wanted !== this.asked) this.jump(wanted);
    });
    for (const name of ["play", "pause", "ended"]) this.video.addEventListener(name, () => this.element.dispatchEvent(new Event("playing", { bubbles: true })));
    this.video.addEventListener("error", () => {
      this.failure.hidden = false;
      this.failure.textContent = "The video cannot be played: it is damaged, not the one of the clip's record, or out of reach.";
    });
  }

  get playing() { return !this.video.paused && !this.video.ended; }

  toggle() { if (this.playing) this.video.pause(); else this.play(); }

  play() {
    if (this.frame >= this.clip.frames - 1) this.seek(0);
    this.video.play().catch(() => {});
  }

  seek(frame) {
    frame = Math.max(0, Math.min(this.clip.frames - 1, frame));
    if (this.wanted === null || this.wanted === undefined) this.jump(frame);
    this.wanted = frame;
    this.moved(frame);
  }

  // Seeks while one is under way are gathered: the last one counts.
  jump(frame) {
    this.asked = frame;
    this.video.currentTime = (frame + 0.5) / this.clip.fps;
    this.wanted = frame;
  }

  step(frames) { this.video.pause(); this.seek(this.frame + frames); }

  moved(frame) {
    this.frame = frame;
    this.badge.textContent = `${clock(frame / this.clip.fps)} · ${frame}`;
    this.timeline.show(frame);
    this.track.show(frame, this.playing);
    this.element.dataset.frame = frame;
    this.drawBanner();
    this.onFrame(this, frame);
  }

  // ---- findings ----

  drawBanner() {
    const at = (this.found || []).findIndex((one) => this.frame >= one.first_frame && this.frame < one.first_frame + one.frames);
    const shown = this.at >= 0 && this.found?.[this.at]?.frame === this.frame ? this.at : at;
    this.findings.querySelector(".on")?.classList.remove("on");
    this.banner.hidden = shown < 0;
    if (shown < 0) return;
    const one = this.found[shown], check = store.table.checks.find((each) => each.name === one.check);
    this.banner.textContent = `${checkName(one.check)}: ${number(one.value)} ${unitOf(check)} — ${check?.meaning || ""} (fails ${check?.direction || ""} ${number(check?.threshold)})`;
    this.findings.querySelector(`[data-at="${shown}"]`)?.classList.add("on");
  }

  toFinding(at) {
    this.at = at;
    const one = this.found[at];
    this.video.pause();
    if (this.extra !== one.check) { this.extra = one.check; this.drawCharts(); }
    this.seek(one.frame);
    this.findings.querySelector(`[data-at="${at}"]`)?.scrollIntoView({ block: "nearest" });
  }

  // The next (1) or previous (-1) finding from here; false if there is none.
  nextFinding(direction) {
    const found = this.found || [];
    if (!found.length) return false;
    const order = found.map((_, at) => at).sort((a, b) => found[a].frame - found[b].frame || a - b);
    const place = order.indexOf(this.at);
    if (place >= 0 && found[this.at].frame === this.frame) {
      this.toFinding(order[(place + direction + order.length) % order.length]);
      return true;
    }
    const ahead = direction > 0 ? order.find((at) => found[at].frame > this.frame) : order.findLast((at) => found[at].frame < this.frame);
    this.toFinding(ahead ?? (direction > 0 ? order[0] : order.at(-1)));
    return true;
  }

  recolour() { this.timeline.draw(); if (this.view && !this.view.track.problem) this.track.recolour(); }

  close() {
    this.closed = true;
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    this.timeline.close();
    this.track.close();
  }
}
