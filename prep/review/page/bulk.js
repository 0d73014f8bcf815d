// One change of tags for many pictures: add, remove, rename (one tag, or a map), move. The preview follows what is typed;
// Apply sends the number that was shown, so that nothing else is changed than what was seen.

import { el, button, newId } from "./dom.js";
import { post } from "./server.js";
import { store } from "./store.js";
import { change, whereOf } from "./actions.js";
import { outcome } from "./preview.js";
import { completes } from "./complete.js";
import { plural, visible } from "./text.js";

const PAUSE_MS = 250;
const ARROW = /\s*(?:->|→)\s*/u;

export function readMap(text) {
  const map = {};
  for (const [place, line] of text.split("\n").entries()) {
    if (!line.trim()) continue;
    const sides = line.trim().split(ARROW);
    if (sides.length !== 2 || !sides[0] || !sides[1])
      throw new Error(`Line ${place + 1} is not \`old -> new\`. Write one pair per line.`);
    map[sides[0]] = sides[1];
  }
  if (!Object.keys(map).length) throw new Error("Write one pair per line: old -> new.");
  return map;
}

export function openBulk(first = "add") {
  const chosen = store.selected.size ? store.targets() : null;
  const count = chosen ? chosen.length : store.ids.length;
  if (!count) return;
  const where = whereOf(chosen);
  const heading = newId("bulk");
  const seen = outcome();
  let ready = null;
  let timer = 0;

  const kinds = { add: "Add a tag", remove: "Remove a tag", rename: "Rename", move: "Move a tag" };
  const kind = el(
    "select",
    { id: newId("kind") },
    Object.entries(kinds).map(([value, label]) => el("option", { value }, label)),
  );
  kind.value = first;
  const tag = el("input", { type: "text", id: newId("tag"), spellcheck: false, dir: "auto" });
  const map = el("textarea", {
    id: newId("map"),
    rows: 5,
    spellcheck: false,
    dir: "auto",
    placeholder: "old -> new\nanother -> its new name",
  });
  const to = el(
    "select",
    { id: newId("to") },
    el("option", { value: "front" }, "to the front, behind the trigger"),
    el("option", { value: "back" }, "to the back"),
    el("option", { value: "place" }, "to a place"),
  );
  const place = el("input", {
    type: "number",
    id: newId("place"),
    min: 0,
    value: 0,
    "aria-label": "Place; 0 is right behind the trigger",
  });
  const tagRow = el("div", { class: "field" }, el("label", { htmlFor: tag.id }, "Tag"), tag);
  const mapRow = el(
    "div",
    { class: "field" },
    el("label", { htmlFor: map.id }, "Old and new names, one pair per line"),
    map,
  );
  const laterOnes = el("p", { class: "hint" }, "Pictures that come later keep prep's word.");
  const toRow = el("div", { class: "field" }, el("label", { htmlFor: to.id }, "Where to"), to, place);
  const go = button("Apply", apply, { class: "primary", disabled: true });
  const dialog = el(
    "dialog",
    { class: "preview bulk", "aria-labelledby": heading },
    el(
      "h2",
      { id: heading },
      chosen
        ? `Change tags of ${plural(count, "selected picture")}`
        : `Change tags of all ${plural(count, "picture")} in the list`,
    ),
    el(
      "p",
      { class: "hint" },
      chosen ? "" : store.filter ? `Filter: ${visible(store.filter)}` : "No filter is set: this is the whole set.",
    ),
    el("div", { class: "field" }, el("label", { htmlFor: kind.id }, "What"), kind),
    tagRow,
    mapRow,
    laterOnes,
    toRow,
    seen.element,
    el("p", { class: "hint" }, "The other tags keep their order. One undo takes all of it back."),
    el(
      "div",
      { class: "buttons" },
      button("Cancel", () => dialog.close()),
      go,
    ),
  );

  function body() {
    const op = kind.value;
    if (op === "rename") return { op, map: readMap(map.value), ...where };
    const name = tag.value.trim();
    if (!name) throw new Error("Write the tag first.");
    if (op !== "move") return { op, tag: name, ...where };
    return {
      op,
      tag: name,
      to: to.value === "place" ? Math.max(0, Math.trunc(Number(place.value) || 0)) : to.value,
      ...where,
    };
  }

  function arrange() {
    tagRow.hidden = kind.value === "rename";
    laterOnes.hidden = kind.value !== "rename";
    mapRow.hidden = kind.value !== "rename";
    toRow.hidden = kind.value !== "move";
    place.hidden = to.value !== "place";
    later();
  }

  function later() {
    go.disabled = true;
    ready = null;
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE_MS);
  }

  async function look() {
    clearTimeout(timer);
    let asked;
    try {
      asked = body();
    } catch (error) {
      seen.tell(error.message, false);
      return;
    }
    const would = await seen.show(() => post("api/edit", { ...asked, dry: true }));
    if (would === undefined) return;
    ready = would ? { ...asked, expect: would } : null;
    go.disabled = !ready;
  }

  async function apply() {
    if (!ready) return;
    go.disabled = true;
    try {
      await change(ready);
      dialog.close();
    } catch (error) {
      seen.tell(error.message);
      go.disabled = false;
      if (error.stale) await look();
    }
  }

  const completion = completes(tag, { take: later, fresh: () => kind.value === "add", enter: () => look().then(() => go.focus()) });
  tag.addEventListener("input", later);
  map.addEventListener("input", later);
  place.addEventListener("input", later);
  kind.addEventListener("change", arrange);
  to.addEventListener("change", arrange);
  dialog.addEventListener("close", () => {
    clearTimeout(timer);
    completion.stop();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  arrange();
  (first === "rename" ? map : tag).focus();
}
