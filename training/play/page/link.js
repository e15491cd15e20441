// The WebSocket: says orders, takes what comes, and comes back by itself when it was lost.
// Messages: training/play/messages.py.

const KEPT = "play-session", FIRST_WAIT_MS = 300, MOST_WAIT_MS = 4000, FULL_WAIT_MS = 2500;
const NO_PAGE = 4400, NOT_FROM_HERE = 4403, TAKEN_OVER = 4408, FULL = 4409, ENDED = 4410;

export class Link {
  // onFacts(facts, jpegs) for every message; onContact(word) for open, lost, taken, full, ended, refused.
  constructor(onFacts, onContact) {
    this.onFacts = onFacts;
    this.onContact = onContact;
    this.wait = FIRST_WAIT_MS;
    this.socket = null;
  }

  get open() { return this.socket !== null && this.socket.readyState === WebSocket.OPEN && this.greeted; }

  connect(anew = false) {
    if (anew) sessionStorage.removeItem(KEPT);
    const socket = new WebSocket(`ws${location.protocol === "https:" ? "s" : ""}://${location.host}/play`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.greeted = false;
    socket.onopen = () => socket.send(JSON.stringify({ hello: sessionStorage.getItem(KEPT) || "" }));
    socket.onmessage = (event) => this.take(event.data);
    socket.onclose = (event) => { if (socket === this.socket) this.lost(event.code); };
  }

  take(data) {
    const [facts, jpegs] = typeof data === "string" ? [JSON.parse(data), []] : unpack(data);
    if (facts.hello) {
      sessionStorage.setItem(KEPT, facts.hello.session);
      this.greeted = true;
      this.wait = FIRST_WAIT_MS;
      this.onContact("open");
    }
    this.onFacts(facts, jpegs);
  }

  lost(code) {
    this.greeted = false;
    const last = { [TAKEN_OVER]: "taken", [ENDED]: "ended", [NOT_FROM_HERE]: "refused", [NO_PAGE]: "refused" }[code];
    this.onContact(last || (code === FULL ? "full" : "lost"));
    if (last) return;
    setTimeout(() => this.connect(), code === FULL ? FULL_WAIT_MS : this.wait);
    this.wait = Math.min(MOST_WAIT_MS, this.wait * 2);
  }

  say(name, value = null) {
    if (!this.open) return false;
    this.socket.send(JSON.stringify({ [name]: value }));
    return true;
  }

  upload(bytes) { if (this.open) this.socket.send(bytes); }
}

function unpack(buffer) {
  const size = new DataView(buffer).getUint32(0);
  const facts = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  let at = 4 + size;
  const jpegs = facts.frames.map((length) => {
    const jpeg = new Blob([new Uint8Array(buffer, at, length)], { type: "image/jpeg" });
    at += length;
    return jpeg;
  });
  return [facts, jpegs];
}
