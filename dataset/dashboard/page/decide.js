// Asks for the reason of a decision: a text, or one of the likely ones by its number.

import { checkName, h } from "./parts/dom.js";

const USUAL = {
  reject: ["camera inside an object", "textures missing", "shakes", "too dark", "nothing to see"],
  look: ["not sure about the light", "compare with the scene's others", "ask the artist"],
  accept: ["looks fine in spite of the checks", "checks are wrong here"],
};
const MOST = 9;
const TITLE = { accept: "Accept, because", reject: "Reject, because", look: "Needs a look, because" };

// What failed comes first: it is the likeliest reason.
export function quickReasons(clip, verdict) {
  const failed = verdict === "accept" ? [] : clip.failed.map((check) => checkName(check.name));
  return [...failed, ...USUAL[verdict]].slice(0, MOST);
}

// Resolves to the reason, or to null if it was thought better of.
export function askReason(verdict, quick, anchor) {
  return new Promise((done) => {
    const input = h("input", { type: "text", maxlength: 2000, placeholder: "type, or press a number", "aria-label": "Reason" });
    const finish = (value) => { dialog.close(); dialog.remove(); done(value); };
    const take = () => { if (input.value.trim() || verdict === "accept") finish(input.value.trim()); else input.focus(); };
    const dialog = h("dialog", { class: `reason ${verdict}`, oncancel: (event) => { event.preventDefault(); finish(null); } },
      h("h2", {}, TITLE[verdict]), input,
      h("div", { class: "quick" }, quick.map((text, at) => h("button", { type: "button", onclick: () => finish(text) }, h("kbd", {}, String(at + 1)), text))),
      h("footer", {}, h("button", { type: "button", class: "quiet", onclick: () => finish(null) }, "Cancel", h("kbd", {}, "Esc")),
        h("button", { type: "button", class: `decide ${verdict} on`, onclick: take }, "Decide", h("kbd", {}, "Enter"))));
    dialog.addEventListener("keydown", (event) => {
      event.stopPropagation();
      const at = Number(event.key) - 1;
      if (event.key === "Enter" && event.target === input) { event.preventDefault(); take(); }
      else if (!input.value && quick[at] !== undefined && !event.ctrlKey && !event.metaKey) { event.preventDefault(); finish(quick[at]); }
    });
    document.body.append(dialog);
    dialog.showModal();
    place(dialog, anchor);
    input.focus();
  });
}

function place(dialog, anchor) {
  if (!anchor) return;
  const from = anchor.getBoundingClientRect();
  dialog.style.top = `${from.bottom + 8}px`;
  dialog.style.right = `${Math.max(8, innerWidth - from.right - 60)}px`;
}
