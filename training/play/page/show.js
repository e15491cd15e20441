// Shows frames at an even pace: a chunk's frames over the time that the next chunk takes to come, but
// never faster than the video's own rate. Counts what was really drawn.

const MEDIAN_OF = 20, COUNT_MS = 2000;

export class Show {
  // `onFrame(chunk, number)` after each drawn frame.
  constructor(canvas, onFrame) {
    this.canvas = canvas;
    this.onFrame = onFrame;
    this.fps = 16;
    this.queue = [];
    this.nextAt = 0;
    this.chunkMs = 1000; // from asking for a chunk to having it, lately
    this.drawnAt = [];
    this.latencies = [];
  }

  // Remembers how long a chunk took; the first one after a rest counts like any other.
  took(ms) { this.chunkMs = this.known ? 0.6 * this.chunkMs + 0.4 * ms : ms; this.known = true; }

  interval(frames) { return Math.max(1000 / this.fps, this.chunkMs / frames); }

  // Milliseconds until the last frame that is here has been shown.
  get left() {
    return this.queue.reduce((sum, chunk) => sum + chunk.bitmaps.length * this.interval(chunk.count), 0);
  }

  add(chunk, bitmaps) {
    this.queue.push({ ...chunk, bitmaps, count: bitmaps.length, first: true });
  }

  clear() {
    for (const chunk of this.queue) chunk.bitmaps.forEach((one) => one.close());
    this.queue = [];
  }

  still(bitmap) { this.clear(); this.draw(bitmap); }

  tick(now) {
    const chunk = this.queue[0];
    if (!chunk || now < this.nextAt) return;
    const step = this.interval(chunk.count);
    this.nextAt = now - this.nextAt > step ? now + step : this.nextAt + step;
    const number = chunk.count - chunk.bitmaps.length;
    this.draw(chunk.bitmaps.shift());
    this.drawnAt.push(now);
    if (chunk.first) {
      chunk.first = false;
      for (const at of chunk.times) this.latencies.push(performance.now() - at);
      this.latencies = this.latencies.slice(-MEDIAN_OF);
    }
    if (!chunk.bitmaps.length) this.queue.shift();
    this.onFrame(chunk, number);
  }

  draw(bitmap) {
    const { canvas } = this;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
  }

  // Frames a second over the last two, while it streams.
  rate(now) {
    while (this.drawnAt.length && this.drawnAt[0] < now - COUNT_MS) this.drawnAt.shift();
    if (this.drawnAt.length < 2) return null;
    return 1000 * (this.drawnAt.length - 1) / (this.drawnAt.at(-1) - this.drawnAt[0]);
  }

  get latency() {
    if (!this.latencies.length) return null;
    const sorted = [...this.latencies].sort((a, b) => a - b);
    return { last: this.latencies.at(-1), median: sorted[Math.floor(sorted.length / 2)] };
  }
}
