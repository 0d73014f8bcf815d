// How a set's own words are shown: tags, names and captions come from anywhere. They are shown as text, each isolated in
// its own direction; characters that cannot be seen, or that turn the text around, are written out; long ones are cut.

import { el } from "./dom.js";

const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;
const LONGEST_TITLE = 2000;

export function visible(text) {
  return String(text ?? "").replace(UNSEEN, (sign) => "\\u" + sign.codePointAt(0).toString(16).padStart(4, "0"));
}

export const hasUnseen = (text) => String(text ?? "").search(UNSEEN) >= 0;

export function cut(text, most = 80) {
  const shown = visible(text);
  if (shown.length <= most) return shown;
  return (
    Array.from(shown.slice(0, 2 * most))
      .slice(0, most - 1)
      .join("") + "…"
  );
}

// A piece of the set's own words, as an element.
export function words(text, most = 80, kind = "words") {
  const shown = visible(text);
  const title = shown.length > most ? shown.slice(0, LONGEST_TITLE) : null;
  return el("bdi", { class: kind, dir: "auto", title }, cut(shown, most));
}

export const number = (value) => Number(value).toLocaleString("en");
export const score = (value) => (value === null || value === undefined ? "–" : Number(value).toFixed(2));
export const percent = (share) => `${Math.round(100 * share)} %`;
export const plural = (count, one, many = one + "s") => `${number(count)} ${count === 1 ? one : many}`;

export function size(bytes) {
  if (!bytes) return "";
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
