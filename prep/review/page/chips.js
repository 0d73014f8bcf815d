// A caption's tags as chips: what read them, how sure it was, and a button that takes each out. One stop of the Tab key;
// arrows go from chip to chip. Under them, what was taken out before, by reason; one click brings it back.

import { el, button } from "./dom.js";
import { cut, score, visible, words } from "./text.js";
import { store } from "./store.js";

const SOURCES = { machine: "", hand: "✎", trigger: "★" };
const SAID = { machine: "read by the tagger", hand: "written by hand", trigger: "the trigger word" };
const WHY = {
  hand: "You took these out",
  trait: "Left to the trigger",
  threshold: "Below the threshold",
  overlap: "A more exact tag says it",
  limit: "More tags than a caption may have",
  filter: "In the filter",
  settings: "By the settings",
  crop: "Not in this crop",
  category: "Artist, series or meta",
};

// Whether tags can be added to this caption: it has one, and that is no sentence.
export const takesTags = (detail) => !detail.sentence && detail.caption !== null && detail.caption !== undefined;

const isNumber = (value) => value !== null && value !== undefined;
// The score, its threshold, and what a second reader says.
const numbers = ({ score: value, threshold, second }) =>
  [isNumber(value) && `${score(value)} / ${score(threshold)}`, isNumber(second) && `2nd ${score(second)}`].filter(Boolean).join(" · ");

// `remove(tag)`, `move(tag, place)` and `look(tag)` are called for a chip; `back(tag)` for one that was taken out.
export function chips({ remove, move, look, back }) {
  const list = el("ul", { class: "chips", "aria-label": "Tags of this caption" });
  const note = el("p", { class: "hint chips-note" });
  const removed = el("div", { class: "removed" });
  const element = el("div", {}, list, note, removed);
  let here = 0;
  let shown = null; // the picture whose tags these are

  const stops = () => [...list.querySelectorAll(".chip-remove")];

  function stopAt(place, focus) {
    const all = stops();
    here = Math.min(Math.max(place, 0), all.length - 1);
    all.forEach((node, index) => (node.tabIndex = index === here ? 0 : -1));
    if (focus) all[here]?.focus();
  }

  function chip(tag) {
    const shown = cut(tag.tag);
    const title = `${SAID[tag.source] ?? tag.source}${tag.name && tag.name !== tag.tag ? `, as ${visible(tag.name).slice(0, 200)}` : ""}${isNumber(tag.score) ? `: score ${score(tag.score)}, threshold ${score(tag.threshold)}` : ""}${isNumber(tag.second) ? `; the second reader's score ${score(tag.second)}` : ""}`;
    const node = el(
      "li",
      { class: `chip ${tag.source}`, title },
      SOURCES[tag.source] && el("span", { class: "mark", "aria-hidden": "true" }, SOURCES[tag.source]),
      button(words(tag.tag, 60), () => look(tag.tag), { class: "chip-name", tabIndex: -1 }),
      numbers(tag) && el("span", { class: "number" }, numbers(tag)),
      button("×", () => remove(tag.tag), {
        class: "chip-remove",
        tabIndex: -1,
        "aria-label": `Remove ${shown}, ${title}`,
      }),
    );
    node.tag = tag.tag;
    if (tag.score !== null && tag.score !== undefined)
      node.style.setProperty("--score", `${Math.round(100 * Math.min(1, tag.score))}%`);
    return node;
  }

  function conflict(tags) {
    const sets = new Map();
    for (const { tag } of tags) {
      const name = store.exclusive.get(tag);
      if (name) sets.set(name, [...(sets.get(name) ?? []), tag]);
    }
    return [...sets]
      .filter(([, members]) => members.length > 1)
      .map(([, members]) => `${members.map((tag) => cut(tag, 30)).join(" and ")}: usually only one of them is true.`)
      .join(" ");
  }

  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (by && event.shiftKey) {
      const tags = [...list.children];
      const at = tags.indexOf(document.activeElement.closest(".chip"));
      // The place is counted behind the trigger.
      const triggers = tags.filter((node) => node.classList.contains("trigger")).length;
      const to = at + by - triggers;
      if (at >= triggers && to >= 0 && at + by < tags.length) {
        here = at + by;
        move(tags[at].tag, to);
      }
    } else if (by) stopAt(here + by, true);
    else if (event.key === "Home") stopAt(0, true);
    else if (event.key === "End") stopAt(stops().length - 1, true);
    else if (event.key === "Backspace") removeFocused();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  list.addEventListener("focusin", (event) => {
    const place = stops().indexOf(event.target);
    if (place >= 0) stopAt(place, false);
  });

  function removeFocused() {
    const node = list.contains(document.activeElement) ? document.activeElement.closest(".chip") : null;
    if (node) remove(node.tag);
    return Boolean(node);
  }

  return {
    element,
    // In the same picture the focus stays on its tag, or on the neighbour of one that is gone; in another one no tag has it.
    show(detail) {
      const held = shown === detail.id && list.contains(document.activeElement);
      const tag = held ? document.activeElement.closest(".chip").tag : null;
      if (shown !== detail.id) here = 0;
      shown = detail.id;
      list.replaceChildren(...detail.tags.map(chip));
      const place = held ? detail.tags.findIndex((each) => each.tag === tag) : -1;
      stopAt(place < 0 ? here : place, held);
      const twice = conflict(detail.tags);
      note.className = twice ? "hint chips-note warns" : "hint chips-note";
      note.textContent =
        twice ||
        (detail.sentence
          ? ""
          : detail.tags.length
            ? "★ trigger · ✎ by hand · others: score / threshold"
            : "No tags.");
      const groups = new Map();
      for (const tag of takesTags(detail) ? (detail.removed ?? []) : []) groups.set(tag.why, [...(groups.get(tag.why) ?? []), tag]);
      const order = [...Object.keys(WHY), ...[...groups.keys()].filter((why) => !(why in WHY))];
      removed.replaceChildren(
        ...order
          .filter((why) => groups.has(why))
          .map((why) =>
            el(
              "section",
              {},
              el("h3", {}, WHY[why] ?? why),
              el(
                "ul",
                { class: "chips" },
                groups.get(why).map((tag) =>
                  el(
                    "li",
                    {},
                    button(
                      ["+ ", words(tag.tag, 60), numbers(tag) && el("span", { class: "number" }, numbers(tag))],
                      () => back(tag.tag),
                      {
                        class: "chip gone-chip",
                        title: visible(tag.why_text ?? ""),
                        "aria-label": `Bring back ${cut(tag.tag)}. ${visible(tag.why_text ?? "")}`,
                      },
                    ),
                  ),
                ),
              ),
            ),
          ),
      );
    },
    removeFocused,
    focus: () => stopAt(0, true),
  };
}
