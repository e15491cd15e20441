// The memory made visible: how much of the shown chunk's attention went to the past, and the key
// frames that got most of it.

import { h, percent } from "./parts/dom.js";

const SHOWN = 8, AT_LEAST = 0.0005;

export class MemoryView {
  // `address(latent)` is the picture of a latent; `onLight(latent)` while the pointer is over it.
  constructor(bar, strip, address, onLight) {
    this.bar = bar;
    this.strip = strip;
    this.address = address;
    this.onLight = onLight;
    this.key = "";
  }

  // `attention`: [latent, share] of the past; `secondsAgo(latent)` how long ago that was.
  update(attention, secondsAgo, why) {
    if (!attention) { this.empty(why); return; }
    const past = attention.reduce((sum, [, share]) => sum + share, 0);
    this.bar.hidden = false;
    this.bar.replaceChildren(
      h("i", { style: `width:${100 * past}%`, title: "attention to remembered frames" }, `past ${percent(past)}`),
      h("i", { style: `width:${100 * (1 - past)}%`, title: "attention to the chunk's own frames" }, `own ${percent(1 - past)}`));
    const most = [...attention].filter(([, share]) => share >= AT_LEAST).sort((a, b) => b[1] - a[1]).slice(0, SHOWN);
    const key = JSON.stringify(most);
    if (key === this.key) return;
    this.key = key;
    if (!most.length) { this.strip.replaceChildren(h("p", { class: "hint" }, "Nothing is remembered yet.")); return; }
    this.strip.replaceChildren(...most.map(([latent, share]) => this.figure(latent, share, most[0][1], secondsAgo(latent))));
  }

  figure(latent, share, largest, seconds) {
    const figure = h("figure", { title: `latent ${latent}: ${percent(share, 2)} of the attention`, data: { latent } },
      h("img", { src: this.address(latent), alt: "", loading: "eager" }),
      h("div", { class: "level", style: `width:${100 * share / largest}%` }),
      h("figcaption", {}, h("b", {}, percent(share, share < 0.0995 ? 1 : 0)), h("span", {}, `−${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`)));
    figure.addEventListener("pointerenter", () => this.onLight(latent));
    figure.addEventListener("pointerleave", () => this.onLight(null));
    return figure;
  }

  empty(why) {
    this.key = "";
    this.bar.hidden = true;
    this.strip.replaceChildren(h("p", { class: "hint" }, why));
  }
}
