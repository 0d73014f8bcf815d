// Keys. Which key does what comes from the server (configs/words/keys.toml); here they are read, kept out of the way of text
// that is typed, and shown in a dialog.

import { el, button, typesText } from "./dom.js";

const WHAT = {
  next: "next picture",
  previous: "previous picture",
  first_untouched: "first untouched picture",
  accept: "accept",
  reject: "reject",
  exclude: "exclude",
  restore: "restore: take the decision back",
  add: "add a tag",
  complete: "take the first completion; in the caption, save it",
  remove: "remove the focused tag",
  tags: "change tags of the selected pictures, or of all that the filter finds",
  undo: "undo",
  redo: "redo",
  filter: "go to the filter",
  caption: "go to the caption as text",
  zoom: "the whole picture, or 100 %",
  back: "leave the field, the picture, the selection",
  help: "show the keys",
};
const FILTER = [
  "tag:smile",
  "-tag:hat",
  'tag:"long hair"',
  "character:sylvie",
  "status:kept",
  "is:untouched",
  "is:drawn",
  "score<0.8",
  "flag:near_copy",
  "disagrees:*",
  "name:001",
  "(tag:hat OR tag:cap)",
];
const FIXED = [
  ["Enter", "opens the framed picture; in the field, adds the tag"],
  ["Space", "selects the framed picture"],
  ["Shift + arrows", "selects from picture to picture; moves the focused tag in the caption"],
  ["Ctrl + A", "selects all that the filter finds"],
  ["arrows, + and −", "on the focused picture: move it, zoom it"],
];

// "Ctrl+Shift+Z" -> how an event says it. The state of Shift counts for letters and for named keys; a sign has its own.
function read(text) {
  const parts = text.length > 1 ? text.split(/\+(?!$)/u) : [text];
  const key = parts.pop();
  const held = new Set(parts.map((part) => part.trim().toLowerCase()));
  return combination(key, held.has("ctrl") || held.has("meta"), held.has("alt"), held.has("shift"));
}

function combination(key, control, alt, shift) {
  const letter = key.length === 1;
  const sign = letter && key.toLowerCase() === key.toUpperCase();
  return [control && "ctrl", alt && "alt", shift && !sign && "shift", letter ? key.toLowerCase() : key]
    .filter(Boolean)
    .join("+");
}

// `act(action, event)` does it, and says whether there was something to do.
export function startKeys(keys, act) {
  const actions = new Map();
  for (const [action, chosen] of Object.entries(keys ?? {}))
    for (const key of [chosen].flat()) actions.set(read(key), action);

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const open = document.querySelector("dialog[open]");
    const action = actions.get(combination(event.key, event.ctrlKey || event.metaKey, event.altKey, event.shiftKey));
    if (!action) return;
    const field = typesText(event.target) ? event.target : null;
    if (open && !(action === "complete" && field)) return;
    const free = event.ctrlKey || event.metaKey || event.altKey;
    if (field && !free && action !== "back") return;
    if (field && free && (action === "undo" || action === "redo") && field.value !== (field.base ?? "")) return;
    if (act(action, event)) event.preventDefault();
  });
}

const SIGNS = { ArrowRight: "→", ArrowLeft: "←", ArrowUp: "↑", ArrowDown: "↓" };
const named = (key) => key.replace(/Arrow\w+/u, (name) => SIGNS[name] ?? name).replaceAll(/(?<=.)\+(?=.)/gu, " + ");

export function showKeys(keys) {
  const rows = Object.entries(keys ?? {}).map(([action, chosen]) =>
    el(
      "tr",
      {},
      el(
        "td",
        {},
        [chosen].flat().flatMap((key, place) => [place ? " or " : "", el("kbd", {}, named(key))]),
      ),
      el("td", {}, WHAT[action] ?? action.replaceAll("_", " ")),
    ),
  );
  const fixed = FIXED.map(([key, what]) => el("tr", {}, el("td", {}, el("kbd", {}, key)), el("td", {}, what)));
  const dialog = el(
    "dialog",
    { class: "keys", "aria-labelledby": "keys-title" },
    el("h2", { id: "keys-title" }, "Keys"),
    el(
      "div",
      { class: "scrolls", tabIndex: 0, role: "region", "aria-labelledby": "keys-title" },
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Key"), el("th", { scope: "col" }, "What it does"))),
        el("tbody", {}, rows, fixed),
      ),
    ),
    el(
      "p",
      { class: "hint" },
      "The filter takes ",
      FILTER.flatMap((term, place) => [place ? ", " : "", el("code", {}, term)]),
      ". A word alone is looked for in the captions; * stands for anything.",
    ),
    el(
      "p",
      { class: "hint" },
      "Keys with Ctrl or Alt also work while a field has the focus. " +
        "The setting review.keys names the file that says which key does what; it is read when prep review starts.",
    ),
    el(
      "div",
      { class: "buttons" },
      button("Close", () => dialog.close(), { class: "primary" }),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
