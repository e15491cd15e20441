// The camera's path from above, the first camera looking up the page; dots are remembered frames, as
// large as the share of the attention that the shown chunk gave them.

import { colour } from "./parts/dom.js";

const LEAST_EXTENT = 12, PAD = 16, MARK = 9, MOST_POINTS = 3000;

export class PathMap {
  constructor(canvas) {
    this.canvas = canvas;
    this.path = [];
    this.at = -1;
    this.shares = [];
    this.lit = null;
    new ResizeObserver(() => this.draw()).observe(canvas);
    addEventListener("theme", () => this.draw());
  }

  // `shares`: [frame, share] of what the shown chunk attended to.
  update(path, at, shares) {
    this.path = path;
    this.at = Math.min(at, path.length - 1);
    this.shares = shares;
    const place = this.path[this.at];
    this.canvas.dataset.at = place ? place.map((value) => value.toFixed(2)).join(" ") : "";
    this.draw();
  }

  light(frame) { this.lit = frame; this.draw(); }

  draw() {
    const { canvas } = this, ratio = devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width || !height) return;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const g = canvas.getContext("2d");
    g.scale(ratio, ratio);
    const shown = this.path.slice(0, this.at + 1);
    const place = this.placing(shown.length ? shown : [[0, 0, 0]], width, height);
    this.grid(g, place, width, height);
    const every = Math.ceil(shown.length / MOST_POINTS);
    this.line(g, shown.filter((_, at) => at % every === 0 || at === shown.length - 1).map(place.of));
    this.dots(g, place);
    if (shown.length) this.camera(g, place.of(shown.at(-1)), shown.at(-1)[2]);
  }

  placing(points, width, height) {
    let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const [x, z] of points) {
      left = Math.min(left, x); right = Math.max(right, x);
      low = Math.min(low, z); high = Math.max(high, z);
    }
    const scale = Math.min((width - 2 * PAD) / Math.max(right - left, LEAST_EXTENT), (height - 2 * PAD) / Math.max(high - low, LEAST_EXTENT));
    const [x0, z0] = [(left + right) / 2, (low + high) / 2];
    return { scale, x0, z0, of: ([x, z]) => [width / 2 + (x - x0) * scale, height / 2 - (z - z0) * scale] };
  }

  grid(g, { scale, x0, z0 }, width, height) {
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000].find((one) => one * scale >= 28) || 20000;
    g.strokeStyle = colour("line");
    g.lineWidth = 1;
    g.beginPath();
    for (let x = Math.ceil((x0 - width / 2 / scale) / step) * step; (x - x0) * scale < width / 2; x += step) {
      g.moveTo(width / 2 + (x - x0) * scale, 0); g.lineTo(width / 2 + (x - x0) * scale, height);
    }
    for (let z = Math.ceil((z0 - height / 2 / scale) / step) * step; (z - z0) * scale < height / 2; z += step) {
      g.moveTo(0, height / 2 - (z - z0) * scale); g.lineTo(width, height / 2 - (z - z0) * scale);
    }
    g.stroke();
    g.fillStyle = colour("faint");
    g.font = "10px system-ui, 'DejaVu Sans', sans-serif";
    g.fillText(`${step} ${step === 1 ? "step" : "steps"} a square`, 6, height - 6);
  }

  line(g, points) {
    if (points.length < 2) return;
    g.strokeStyle = colour("one");
    g.lineWidth = 1.75;
    g.lineJoin = "round";
    g.beginPath();
    points.forEach(([x, y], at) => (at ? g.lineTo(x, y) : g.moveTo(x, y)));
    g.stroke();
  }

  dots(g, place) {
    const most = Math.max(...this.shares.map(([, share]) => share), 1e-9), tint = colour("three");
    for (const [frame, share] of [...this.shares].sort((a, b) => b[1] - a[1])) {
      const point = this.path[frame];
      if (!point) continue;
      const [x, y] = place.of(point);
      g.beginPath();
      g.arc(x, y, 2 + MARK * Math.sqrt(share / most), 0, 7);
      g.fillStyle = tint;
      g.globalAlpha = 0.18 + 0.5 * share / most;
      g.fill();
      g.globalAlpha = 1;
      if (frame === this.lit) { g.strokeStyle = colour("accent"); g.lineWidth = 2.5; g.stroke(); }
    }
  }

  camera(g, [x, y], heading) {
    g.save();
    g.translate(x, y);
    g.rotate(heading * Math.PI / 180);
    g.fillStyle = colour("accent");
    g.globalAlpha = 0.22;
    g.beginPath();
    g.moveTo(0, 0); g.lineTo(-24, -24); g.lineTo(24, -24);
    g.fill();
    g.globalAlpha = 1;
    g.beginPath();
    g.moveTo(0, -8); g.lineTo(6, 6); g.lineTo(0, 3); g.lineTo(-6, 6);
    g.fill();
    g.restore();
  }
}
