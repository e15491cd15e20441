// What the page knows: the table in columns, decisions, who reviews. Others listen to its events:
// "table" (rows are others), "decisions" (of some tours), "state" (notices, who else is there).

import { getNews, getTable, postDecision } from "./api.js";

const POLL_MS = 1500, HIDDEN_POLL_MS = 8000;
const PAGE = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2);

class Store extends EventTarget {
  constructor() {
    super();
    this.table = null;
    this.count = 0;
    this.rowOf = new Map();
    this.decisions = new Map();
    this.news = { present: [], problems: [], publishing: null, labels_waiting: 0 };
    this.openClip = "";
    this.contact = true;
    this.seq = 0;
  }

  get reviewer() { return localStorage.getItem("reviewer") || ""; }
  set reviewer(name) { localStorage.setItem("reviewer", name); this.tell("state"); }

  tell(type, detail = null) { this.dispatchEvent(new CustomEvent(type, { detail })); }
  on(type, run) { this.addEventListener(type, (event) => run(event.detail)); }

  async load() {
    const [table, news] = await Promise.all([getTable(), this.askNews(0)]);
    this.take(table);
    this.begin(news);
    this.poll();
  }

  take(table) {
    const columns = table.columns;
    this.table = table;
    this.count = columns.tour_id.length;
    this.rowOf = new Map(columns.tour_id.map((name, row) => [name, row]));
    columns.seconds = columns.frames.map((frames, row) => frames / columns.fps[row]);
    columns.text = columns.tour_id.map((name, row) => [name, columns.scene[row], columns.asset[row],
      columns.kind[row], columns.motion[row]].join(" ").toLowerCase());
  }

  begin(news) {
    this.boot = news.boot;
    this.version = this.table.version;
    this.decisions = new Map(Object.entries(news.decisions).filter(([, one]) => one));
    this.seq = news.seq;
    this.news = news;
    this.tell("table");
    this.tell("state");
  }

  askNews(after) { return getNews(after, PAGE, this.reviewer, this.openClip); }

  poll() {
    setTimeout(async () => {
      try { await this.catchUp(); this.contact = true; } catch { this.contact = false; }
      this.tell("state");
      this.poll();
    }, document.hidden ? HIDDEN_POLL_MS : POLL_MS);
  }

  async catchUp() {
    const news = await this.askNews(this.seq);
    if (news.boot !== this.boot || news.version !== this.version) {
      const [table, all] = await Promise.all([getTable(), this.askNews(0)]);
      this.take(table);
      this.begin(all);
      return;
    }
    this.news = news;
    this.merge(news);
  }

  merge(news) {
    this.seq = Math.max(this.seq, news.seq);
    const touched = Object.keys(news.decisions);
    const others = [];
    for (const name of touched) {
      const now = news.decisions[name], before = this.decisions.get(name);
      if (JSON.stringify(now || undefined) === JSON.stringify(before)) continue;
      if (now) this.decisions.set(name, now); else this.decisions.delete(name);
      others.push(name);
    }
    if (others.length) this.tell("decisions", others);
  }

  clip(row) {
    const columns = this.table.columns;
    return { row, tour_id: columns.tour_id[row], digest: columns.digest[row], scene: columns.scene[row],
      kind: columns.kind[row], motion: columns.motion[row], frames: columns.frames[row],
      fps: columns.fps[row], seconds: columns.seconds[row], proposed: columns.proposed[row],
      failed: columns.failed[row].map((index) => this.table.checks[index]) };
  }

  checkIndex(name) { return this.table.checks.findIndex((check) => check.name === name); }

  decisionOf(row) { return this.decisions.get(this.table.columns.tour_id[row]) || null; }

  // Resolves once the decision is on the server's disk.
  async decide(clip, verdict, reason) {
    const wish = { request: PAGE + Date.now() + Math.random(), tour_id: clip.tour_id, digest: clip.digest,
      verdict, reason, reviewer: this.reviewer };
    const entry = await send({ ...wish, request: wish.request.slice(0, 64) });
    await this.catchUp();
    return entry;
  }
}

// A reply that was lost is asked for again: the server knows the request and writes it once.
async function send(wish, triesLeft = 3) {
  try { return await postDecision(wish); } catch (error) {
    if (error.status || triesLeft <= 0) throw error;
    await new Promise((done) => setTimeout(done, 700));
    return send(wish, triesLeft - 1);
  }
}

export const store = new Store();
