// The camera's path in 3D, drawn by plotly; it moves with the video, and a click on it seeks.

import { colour, h } from "./parts/dom.js";

const MOST_POINTS = 1500, EVERY_MS = 120, LOOK_SHARE = 0.08;
let loading = null;

// Plotly is large: it comes after the first table is drawn, or with the first clip.
export function loadPlotly() {
  loading ??= new Promise((done, failed) => {
    const script = h("script", { src: "plotly.min.js" });
    script.onload = () => done(window.Plotly);
    script.onerror = () => { loading = null; failed(new Error("plotly.min.js could not be loaded")); };
    document.head.append(script);
  });
  return loading;
}

export class Track {
  constructor({ onSeek }) {
    this.onSeek = onSeek;
    this.box = h("div", { class: "plot" });
    this.element = h("div", { class: "track" }, this.box, h("p", { class: "hint" }, "Drawing the path…"));
    this.drawnAt = 0;
    this.ready = false;
  }

  async draw(track, findings) {
    this.track = track;
    this.findings = findings;
    const hint = this.element.lastChild;
    if (track.problem) { hint.textContent = track.problem; return; }
    try {
      this.plotly = await loadPlotly();
      if (this.closed) return;
      await this.plotly.newPlot(this.box, this.traces(), this.layout(), { displaylogo: false, displayModeBar: false, responsive: true });
      if (this.closed) return;
      hint.hidden = true;
      this.ready = true;
      this.box.on("plotly_click", (event) => {
        const point = event.points.find((one) => one.customdata !== undefined);
        if (point) this.onSeek(point.customdata);
      });
      if (this.frame !== undefined) this.show(this.frame);
    } catch (error) {
      hint.hidden = false;
      hint.textContent = `The path cannot be drawn: ${error.message}`;
    }
  }

  traces() {
    const [x, y, z] = this.track.position_m, frames = x.length;
    const stride = Math.max(1, Math.ceil(frames / MOST_POINTS));
    const kept = Array.from({ length: Math.ceil(frames / stride) }, (_, at) => at * stride);
    const pick = (values) => kept.map((frame) => values[frame]);
    this.size = Math.max(...this.track.position_m.map((axis) => spread(axis)), 0.5);
    const found = this.findings.map((one) => Math.min(frames - 1, one.frame));
    return [
      { type: "scatter3d", mode: "lines", x: pick(x), y: pick(y), z: pick(z), customdata: kept,
        line: { width: 4, color: kept, colorscale: [[0, colour("two")], [1, colour("one")]] },
        hovertemplate: "frame %{customdata}<br>%{x:.2f}, %{y:.2f}, %{z:.2f} m<extra></extra>" },
      { type: "scatter3d", mode: "markers", x: found.map((f) => x[f]), y: found.map((f) => y[f]), z: found.map((f) => z[f]),
        customdata: found, marker: { size: 4, color: colour("bad") }, hovertemplate: "finding, frame %{customdata}<extra></extra>" },
      { type: "scatter3d", mode: "lines", ...this.look(0), line: { width: 5, color: colour("accent") }, hoverinfo: "skip" },
      { type: "scatter3d", mode: "markers", x: [x[0]], y: [y[0]], z: [z[0]], marker: { size: 6, color: colour("accent") }, hoverinfo: "skip" },
    ];
  }

  look(frame) {
    const [x, y, z] = this.track.position_m, length = this.size * LOOK_SHARE * 2;
    const [a, b, c] = this.track.forward;
    return { x: [x[frame], x[frame] + a[frame] * length], y: [y[frame], y[frame] + b[frame] * length],
      z: [z[frame], z[frame] + c[frame] * length] };
  }

  // All axes have one scale; a flat path still gets some room around it.
  ranges() {
    const middles = this.track.position_m.map((axis) => middle(axis));
    const lengths = this.track.position_m.map((axis) => 1.15 * Math.max(spread(axis), 0.3 * this.size));
    return middles.map((at, index) => [at - lengths[index] / 2, at + lengths[index] / 2]);
  }

  layout() {
    const ranges = this.ranges(), lengths = ranges.map(([low, high]) => high - low), longest = Math.max(...lengths);
    const away = 0.95 * Math.max(1, Math.min(3, (1.1 * this.box.clientHeight) / this.box.clientWidth));
    const axis = (title, at) => ({ range: ranges[at], title: { text: title, font: { size: 10 } }, color: colour("faint"), gridcolor: colour("line"), zeroline: false,
      showbackground: false, nticks: 5, tickfont: { size: 9 }, showspikes: false });
    return { margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false, paper_bgcolor: "rgba(0,0,0,0)", uirevision: "kept",
      hoverlabel: { bgcolor: colour("raised"), bordercolor: colour("line"), font: { color: colour("ink"), size: 11 } },
      scene: { aspectmode: "manual", aspectratio: { x: lengths[0] / longest, y: lengths[1] / longest, z: lengths[2] / longest },
        xaxis: axis("x m", 0), yaxis: axis("y m", 1), zaxis: axis("z m", 2), camera: { eye: { x: -away, y: -away, z: 0.9 * away } } } };
  }

  show(frame, playing = false) {
    this.frame = frame;
    if (!this.ready || (playing && performance.now() - this.drawnAt < EVERY_MS)) return;
    this.drawnAt = performance.now();
    const [x, y, z] = this.track.position_m, look = this.look(frame);
    this.plotly.restyle(this.box, { x: [look.x, [x[frame]]], y: [look.y, [y[frame]]], z: [look.z, [z[frame]]] }, [2, 3]);
  }

  recolour() {
    if (this.ready) this.plotly.react(this.box, this.traces(), this.layout()).then(() => this.show(this.frame ?? 0));
  }

  close() {
    this.closed = true;
    if (this.plotly) this.plotly.purge(this.box);
  }
}

function limits(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
  return [low, high];
}

const spread = (values) => limits(values)[1] - limits(values)[0];
const middle = (values) => (limits(values)[0] + limits(values)[1]) / 2;
