// Small helpers: elements, numbers as text, colours of the theme. Text is never parsed as HTML.

export const $ = (id) => document.getElementById(id);

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "style") element.style.cssText = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

const NS = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.flat());
  return element;
}

export const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;

export function minutes(seconds) {
  const value = seconds / 60;
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(1);
}

export function clock(seconds) {
  const whole = Math.floor(seconds + 1e-6);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && size < 0.001) return value.toExponential(0);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : String(+value.toPrecision(2));
}

export const words = (name) => name.replaceAll("_", " ");

// Names of checks end in their unit, which is shown beside the value.
const UNIT_ENDS = /_(m_s3|deg_s3|m_s|deg_s|per_s|cm|deg|px|frames|share|s)$/;
export const checkName = (name) => {
  const bare = name.replace(UNIT_ENDS, "");
  return words(["shake", "jerk", "turn_jerk"].includes(bare) && name.includes("deg") && bare === "shake"
    ? "shake (turn)" : bare);
};

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function toast(text, kind = "", action = null) {
  const box = h("div", { class: `toast ${kind}` }, h("span", {}, text));
  if (action) box.append(h("button", { onclick: () => { box.remove(); action.run(); } }, action.label));
  $("toasts").append(box);
  setTimeout(() => box.remove(), kind === "bad" ? 12000 : 4000);
  while ($("toasts").children.length > 4) $("toasts").firstChild.remove();
  return box;
}

export const dateTime = (iso) => new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
