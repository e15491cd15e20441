// Who reviews: asked once, kept by the browser.

import { h } from "./parts/dom.js";
import { store } from "./store.js";

const MOST = 60;

// Resolves to the name, or to "" if none was given.
export function askName() {
  return new Promise((done) => {
    const input = h("input", { type: "text", maxlength: MOST, value: store.reviewer, placeholder: "Your name", "aria-label": "Your name", id: "reviewer-name" });
    const finish = (name) => { dialog.close(); dialog.remove(); if (name) store.reviewer = name; done(name || store.reviewer); };
    const dialog = h("dialog", { class: "name-dialog", oncancel: (event) => { event.preventDefault(); finish(""); } },
      h("h2", {}, "Who reviews?"),
      h("p", {}, "Your name stands beside your decisions, also on the other reviewers' pages. It is asked for once."), input,
      h("footer", {}, h("button", { class: "quiet", onclick: () => finish("") }, "Only look", h("kbd", {}, "Esc")),
        h("button", { class: "main", onclick: () => finish(input.value.trim()) }, "Review", h("kbd", {}, "Enter"))));
    dialog.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" && input.value.trim()) { event.preventDefault(); finish(input.value.trim()); }
    });
    document.body.append(dialog);
    dialog.showModal();
    input.select();
  });
}
