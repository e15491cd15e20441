// Everything of a clip that has a time axis, on one canvas: usable parts and findings, the strip of
// actions, and charts. One cursor; click or drag seeks, the wheel zooms, a double click shows all.

import { clock, colour, h, number } from "./parts/dom.js";

const GUTTER = 104, RIGHT = 14, ACTION_ROW = 9, LANE = 16, CHART_GAP = 8;
const FONT = "11px system-ui, 'DejaVu Sans', sans-serif";

export class Timeline {
  // `charts`: {label, unit, low?, high?, lines: [{name, values, perSecond, threshold, direction}]}.
  constructor({ frames, fps, onSeek }) {
    Object.assign(this, { frames, fps, onSeek, charts: [], actions: null, findings: [], segments: null });
    this.seconds = frames / fps;
    this.range = [0, this.seconds];
    this.canvas = h("canvas", {});
    this.cursor = h("div", { class: "cursor-line" });
    this.hover = h("div", { class: "hover-line", hidden: true }, h("span", {}));
    this.element = h("div", { class: "timeline" }, this.canvas, this.hover, this.cursor);
    this.listen();
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.element);
  }

  close() { this.resizing.disconnect(); }

  get width() { return this.element.clientWidth; }
  get plotWidth() { return Math.max(10, this.width - GUTTER - RIGHT); }
  x(second) { return GUTTER + ((second - this.range[0]) / (this.range[1] - this.range[0])) * this.plotWidth; }
  second(x) { return this.range[0] + ((x - GUTTER) / this.plotWidth) * (this.range[1] - this.range[0]); }

  listen() {
    const seek = (event) => {
      const x = event.clientX - this.element.getBoundingClientRect().left;
      this.onSeek(Math.max(0, Math.min(this.frames - 1, Math.floor(this.second(x) * this.fps))));
    };
    this.element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.element.setPointerCapture(event.pointerId);
      this.dragging = true;
      seek(event);
    });
    this.element.addEventListener("pointermove", (event) => { if (this.dragging) seek(event); this.point(event); });
    for (const end of ["pointerup", "pointercancel"]) this.element.addEventListener(end, () => { this.dragging = false; });
    this.element.addEventListener("pointerleave", () => { this.hover.hidden = true; });
    this.element.addEventListener("dblclick", () => this.zoom([0, this.seconds]));
    this.element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  wheel(event) {
    event.preventDefault();
    const [from, to] = this.range, span = to - from;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      this.zoom([from, to].map((one) => one + (span * (event.deltaX || event.deltaY)) / 800));
      return;
    }
    const at = this.second(event.clientX - this.element.getBoundingClientRect().left);
    const factor = Math.exp(event.deltaY / 400);
    this.zoom([at - (at - from) * factor, at + (to - at) * factor]);
  }

  zoom([from, to]) {
    const span = Math.max(1, Math.min(this.seconds, to - from));
    const first = Math.max(0, Math.min(this.seconds - span, from));
    this.range = [first, first + span];
    this.draw();
  }

  // Frame `frame` is shown: the cursor goes there, and the range follows if it left.
  show(frame) {
    this.frame = frame;
    const at = (frame + 0.5) / this.fps, [from, to] = this.range;
    if ((at < from || at > to) && !this.dragging) {
      this.zoom([at - (to - from) * 0.1, at + (to - from) * 0.9]);
      return;
    }
    this.cursor.style.transform = `translateX(${this.x(at)}px)`;
  }

  point(event) {
    const x = event.clientX - this.element.getBoundingClientRect().left;
    const at = this.second(x);
    this.hover.hidden = at < 0 || at > this.seconds || x < GUTTER;
    this.hover.style.transform = `translateX(${x}px)`;
    this.hover.classList.toggle("left", x > this.width * 0.7);
    const said = this.charts.flatMap((chart) => chart.lines.map((line) => {
      const value = line.values[Math.floor(line.perSecond ? at : at * this.fps)];
      return value === undefined ? null : `${line.name} ${number(value)} ${chart.unit}`;
    })).filter(Boolean);
    this.hover.firstChild.textContent = [`${clock(at)} · frame ${Math.floor(at * this.fps)}`, ...said].join("\n");
  }

  get height() {
    const strip = this.actions ? this.actions.length * ACTION_ROW + 6 : 0;
    return LANE + strip + this.charts.length * (this.chartHeight + CHART_GAP) + 16;
  }

  get chartHeight() { return this.compact ? 34 : 42; }

  draw() {
    const width = this.width, ratio = devicePixelRatio || 1;
    if (!width) return;
    this.element.style.height = `${this.height}px`;
    this.canvas.width = width * ratio;
    this.canvas.height = this.height * ratio;
    const pen = this.pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = FONT;
    pen.textBaseline = "middle";
    this.ink = Object.fromEntries(["ink", "soft", "faint", "line", "panel", "accent", "good", "warn", "bad", "one", "two", "three", "grid"]
      .map((name) => [name, colour(name)]));
    let y = this.drawLane(0);
    if (this.actions) y = this.drawActions(y);
    for (const chart of this.charts) y = this.drawChart(chart, y);
    this.drawAxis(y);
    if (this.frame !== undefined) this.cursor.style.transform = `translateX(${this.x((this.frame + 0.5) / this.fps)}px)`;
  }

  clip(y, height, run) {
    const { pen } = this;
    pen.save();
    pen.beginPath();
    pen.rect(GUTTER, y, this.plotWidth, height);
    pen.clip();
    run();
    pen.restore();
  }

  text(words, x, y, fill, align = "right") {
    this.pen.fillStyle = fill;
    this.pen.textAlign = align;
    this.pen.fillText(words, x, y);
  }

  drawLane(y) {
    const { pen, ink } = this, middle = y + LANE / 2;
    this.text(this.segments ? "usable / failed" : "findings", GUTTER - 8, middle, ink.faint);
    this.clip(y, LANE, () => {
      pen.fillStyle = ink.grid;
      pen.fillRect(GUTTER, middle - 3, this.plotWidth, 6);
      pen.fillStyle = ink.good;
      for (const [first, count] of this.segments || []) {
        pen.fillRect(this.x(first / this.fps), middle - 3, this.x((first + count) / this.fps) - this.x(first / this.fps), 6);
      }
      pen.fillStyle = ink.bad;
      for (const found of this.findings) {
        const from = this.x(found.first_frame / this.fps), to = this.x((found.first_frame + found.frames) / this.fps);
        pen.fillRect(from, middle - 3, Math.max(2, to - from), 6);
        pen.fillRect(this.x((found.frame + 0.5) / this.fps) - 1, y + 1, 2, LANE - 2);
      }
    });
    return y + LANE;
  }

  drawActions(y) {
    const { pen, ink } = this, height = this.actions.length * ACTION_ROW;
    this.actions.forEach(({ name, runs, kind }, at) => {
      const top = y + at * ACTION_ROW;
      pen.font = "9px system-ui, 'DejaVu Sans', sans-serif";
      this.text(name, GUTTER - 8, top + ACTION_ROW / 2 + 0.5, ink.soft);
      pen.fillStyle = at % 2 ? ink.panel : ink.grid;
      pen.fillRect(GUTTER, top, this.plotWidth, ACTION_ROW);
      this.clip(top, ACTION_ROW, () => {
        pen.fillStyle = { move: ink.one, turn: ink.two, rest: ink.faint }[kind];
        for (let run = 0; run < runs.length; run += 2) {
          const from = this.x(runs[run] / this.fps), to = this.x((runs[run] + runs[run + 1]) / this.fps);
          pen.fillRect(from, top + 1.5, Math.max(1, to - from), ACTION_ROW - 3);
        }
      });
    });
    pen.font = FONT;
    return y + height + 6;
  }

  drawChart(chart, y) {
    const { pen, ink } = this, height = this.chartHeight;
    const all = chart.lines.flatMap((line) => line.values.filter((value) => value !== null));
    const limits = chart.lines.map((line) => line.threshold).filter((value) => value !== null && value !== undefined);
    const most = Math.max(1e-9, ...all.length ? [maximum(all)] : []);
    const high = chart.high ?? Math.max(most * 1.1, ...limits.filter((limit) => limit < most * 3).map((limit) => limit * 1.1));
    const Y = (value) => y + height - (Math.min(value, high) / high) * (height - 2) - 1;
    pen.fillStyle = ink.grid;
    pen.fillRect(GUTTER, y, this.plotWidth, height);
    this.text(chart.label, GUTTER - 8, y + height / 2 - (chart.lines.length > 1 ? 0 : 7), ink.soft);
    if (chart.lines.length === 1) this.text(`${number(high)} ${chart.unit}`, GUTTER - 8, y + height / 2 + 8, ink.faint);
    this.clip(y, height, () => {
      chart.lines.forEach((line, at) => {
        const stroke = [ink.one, ink.two, ink.three][at % 3];
        this.drawFailing(line, y, height);
        if (line.threshold !== null && line.threshold !== undefined && line.threshold <= high) this.drawThreshold(Y(line.threshold), chart.lines.length > 1 ? stroke : ink.bad);
        pen.strokeStyle = stroke;
        pen.lineWidth = 1.4;
        this.drawLine(line, Y);
      });
    });
    if (chart.lines.length > 1) this.drawNames(chart, y);
    return y + height + CHART_GAP;
  }

  drawNames(chart, y) {
    const { ink } = this;
    let x = GUTTER + 6;
    chart.lines.forEach((line, at) => {
      this.text(line.name, x, y + 8, [ink.one, ink.two, ink.three][at % 3], "left");
      x += this.pen.measureText(line.name).width + 12;
    });
  }

  drawFailing(line, y, height) {
    if (!line.perSecond || line.threshold === null || line.threshold === undefined) return;
    const { pen, ink } = this;
    pen.fillStyle = ink.bad;
    pen.globalAlpha = 0.22;
    line.values.forEach((value, second) => {
      if (value === null || !(line.direction === "below" ? value < line.threshold : value > line.threshold)) return;
      pen.fillRect(this.x(second), y, this.x(second + 1) - this.x(second), height);
    });
    pen.globalAlpha = 1;
  }

  drawThreshold(y, stroke) {
    const { pen } = this;
    pen.strokeStyle = stroke;
    pen.lineWidth = 1;
    pen.setLineDash([4, 4]);
    pen.beginPath();
    pen.moveTo(GUTTER, y);
    pen.lineTo(GUTTER + this.plotWidth, y);
    pen.stroke();
    pen.setLineDash([]);
  }

  // Values of frames are joined, those of seconds are steps; of many frames in a pixel the highest.
  drawLine(line, Y) {
    const { pen } = this, step = line.perSecond ? 1 : 1 / this.fps;
    const first = Math.max(0, Math.floor(this.range[0] / step) - 1);
    const end = Math.min(line.values.length, Math.ceil(this.range[1] / step) + 1);
    const stride = Math.max(1, Math.floor((end - first) / (2 * this.plotWidth)));
    let pending = true;
    pen.beginPath();
    for (let at = first; at < end; at += stride) {
      let value = line.values[at];
      for (let near = at + 1; near < Math.min(end, at + stride); near += 1) value = Math.max(value, line.values[near]);
      if (value === null || value === undefined) { pending = true; continue; }
      const from = this.x(at * step), y = Y(value);
      if (pending) pen.moveTo(from, y); else pen.lineTo(from, y);
      if (line.perSecond) pen.lineTo(this.x(at + 1), y);
      pending = false;
    }
    pen.stroke();
  }

  drawAxis(y) {
    const { ink } = this, [from, to] = this.range;
    const step = [1, 2, 5, 10, 15, 30, 60, 120].find((one) => ((to - from) / one) * 60 < this.plotWidth) || 300;
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      const x = this.x(at);
      this.pen.fillStyle = ink.line;
      this.pen.fillRect(x, y - 4, 1, 4);
      this.text(clock(at), Math.min(x, this.width - 16), y + 7, ink.faint, "center");
    }
  }
}

function maximum(values) {
  let most = -Infinity;
  for (const value of values) if (value > most) most = value;
  return most;
}
