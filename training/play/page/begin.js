// The dialog that begins a session: a held-out picture or one's own, a caption, a seed; or a saved session.

import { h } from "./parts/dom.js";

const MOST_BYTES = 12 << 20;

// `onStart({picture, caption, seed}, bytes)`, `onLoad(name)`; `canClose` if something is played already.
export function askStart(hello, { onStart, onLoad, onProblem, canClose }) {
  document.querySelector("dialog.begin")?.remove();
  const pictures = h("div", { class: "pictures" });
  const caption = h("input", { type: "text", id: "caption", maxlength: 2000, placeholder: "what the scene shows" });
  const seed = h("input", { type: "number", id: "seed", min: 0, max: 2 ** 31, value: 0 });
  const file = h("input", { type: "file", id: "file", accept: "image/png,image/jpeg,image/webp", hidden: true });
  const upload = h("button", { type: "button", class: "upload", onclick: () => file.click() }, "Your own picture…");
  const begin = h("button", { type: "submit", class: "main", id: "begin" }, "Start");
  let chosen = hello.starts.length ? 0 : null, bytes = null;

  const buttons = hello.starts.map((start, number) => h("button", { type: "button", title: start.caption || start.name,
    onclick: () => choose(number), ondblclick: () => submit() },
    h("img", { src: `starts/${number}.jpg`, alt: start.name, loading: "lazy" }), h("span", {}, start.name)));

  function choose(picture, words = hello.starts[picture]?.caption || "") {
    chosen = picture;
    if (document.activeElement !== caption) caption.value = words;
    [...buttons, upload].forEach((one, at) => one.setAttribute("aria-pressed", String(one === upload ? picture === "upload" : at === picture)));
    begin.disabled = chosen === null;
  }

  file.addEventListener("change", async () => {
    const picked = file.files[0];
    if (!picked) return;
    if (picked.size > MOST_BYTES) { onProblem(`${picked.name} has ${(picked.size / 2 ** 20).toFixed(0)} MiB; 12 MiB is the most`); return; }
    bytes = await picked.arrayBuffer();
    upload.replaceChildren(h("img", { src: URL.createObjectURL(picked), alt: "your picture" }), h("span", {}, picked.name));
    choose("upload", "");
  });

  function submit() {
    if (chosen === null) return;
    dialog.close();
    const words = caption.value.trim().replace(/\s+/g, " ");
    onStart({ picture: chosen, caption: words, seed: Math.max(0, Math.floor(Number(seed.value) || 0)) }, chosen === "upload" ? bytes : null);
  }

  const saves = hello.saves.length ? h("div", { class: "saves" }, "or go on with a saved session: ",
    hello.saves.slice(0, 6).map((name) => h("button", { type: "button", data: { save: name }, onclick: () => { dialog.close(); onLoad(name); } }, name))) : null;
  const form = h("form", { onsubmit: (event) => { event.preventDefault(); submit(); } },
    h("h2", {}, "Start from a picture"), h("p", { class: "hint" }, "First frames of scenes that training has not seen, or any picture of yours."),
    (pictures.append(...buttons, upload), pictures), file,
    h("div", { class: "fields" }, h("label", {}, "Caption", caption), h("label", {}, "Seed", seed)), saves,
    h("footer", {}, canClose ? h("button", { type: "button", onclick: () => dialog.close() }, "Cancel") : null, begin));
  const dialog = h("dialog", { class: "begin" }, form);
  dialog.addEventListener("cancel", (event) => { if (!canClose) event.preventDefault(); });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  choose(chosen);
  begin.focus();
}
