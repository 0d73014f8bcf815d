// Completion of a tag in a text field: a combobox with a list under it. The focus stays in the field; arrows choose, Enter
// takes what is chosen, or else what is typed; one key takes the first completion. Of several tags, the last is completed.

import { el, newId } from "./dom.js";
import { get } from "./server.js";
import { cut, number, plural, words } from "./text.js";

const PAUSE_MS = 60;
const MOST = 20;

// `take(text)`: the field now holds this completion. `enter(text)`: Enter was pressed; the text is what is chosen or typed.
// `fresh()`: whether a tag that nothing completes would be a new one.
export function completes(field, { take = () => {}, enter = () => {}, fresh = () => true }) {
  const box = el("ul", {
    class: "completions",
    role: "listbox",
    id: newId("completions"),
    "aria-label": "Completions",
    hidden: true,
  });
  const said = el("span", { class: "spoken", role: "status" });
  let items = [];
  let chosen = -1;
  let timer = 0;
  let asking = null;
  let asked = "";

  for (const [name, value] of Object.entries({
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": box.id,
    autocomplete: "off",
  }))
    field.setAttribute(name, value);
  field.after(box, said);

  // Several tags stand between commas: the last one, the field with a completion in its place, and all of them.
  const piece = () => field.value.split(",").at(-1).trim();
  const whole = (tag) => [...field.value.split(",").slice(0, -1).map((each) => each.trim()), tag].filter(Boolean).join(", ");
  const typedText = () => field.value.replace(/^[\s,]+|[\s,]+$/gu, "");

  function close() {
    clearTimeout(timer);
    asking?.abort();
    items = [];
    choose(-1);
    box.hidden = true;
    box.replaceChildren();
    field.setAttribute("aria-expanded", "false");
  }

  function choose(place) {
    chosen = place;
    for (const [index, option] of [...box.children].entries())
      option.setAttribute("aria-selected", String(index === place));
    if (place < 0) field.removeAttribute("aria-activedescendant");
    else {
      field.setAttribute("aria-activedescendant", box.children[place].id);
      box.children[place].scrollIntoView({ block: "nearest" });
    }
  }

  async function fetchItems() {
    const text = piece();
    if (!text) {
      close();
      said.textContent = "";
      return;
    }
    asking?.abort();
    asking = new AbortController();
    asked = text;
    try {
      const answer = await get("api/complete", { q: text, limit: MOST }, asking.signal);
      if (piece() !== text || document.activeElement !== field) return;
      items = answer.items;
    } catch (error) {
      if (error.name === "AbortError") return;
      items = [];
    }
    if (!items.length && !fresh()) {
      close();
      said.textContent = "No completions.";
      return;
    }
    box.replaceChildren(...(items.length ? items.map(option) : [newTag(text)]));
    box.hidden = false;
    field.setAttribute("aria-expanded", "true");
    choose(-1);
    said.textContent = items.length ? plural(items.length, "completion") : `New tag: ${cut(text)}`;
  }

  function option(item, place) {
    return el(
      "li",
      {
        role: "option",
        id: `${box.id}-${place}`,
        "aria-selected": "false",
        onmousedown: (event) => {
          event.preventDefault();
          finish(whole(item.tag));
        },
      },
      words(item.tag, 60),
      item.alias && el("span", { class: "alias" }, "for ", words(item.alias, 40)),
      el("span", { class: "number" }, item.count ? `${number(item.count)} here` : "new here"),
      el("span", { class: "number posts" }, item.posts ? `${short(item.posts)} posts` : ""),
    );
  }

  // Says that the tag is a new one. It cannot be chosen: Enter takes what is typed.
  function newTag(text) {
    return el(
      "li",
      { role: "option", class: "new-tag", "aria-disabled": "true", onmousedown: (event) => event.preventDefault() },
      "new tag: ",
      words(text, 60),
    );
  }

  function finish(text) {
    field.value = text;
    close();
    take(text);
    enter(text);
  }

  // Takes the first completion of what is typed; asks for it where it is not here yet.
  async function first() {
    const text = piece();
    if (!typedText()) return;
    if (text && (!items.length || asked !== text)) {
      clearTimeout(timer);
      await fetchItems();
    }
    finish(text && items.length ? whole(items[0].tag) : typedText());
  }

  function keys(event) {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    const open = !box.hidden;
    if (event.key === "ArrowDown" && open) choose(Math.min(chosen + 1, items.length - 1));
    else if (event.key === "ArrowUp" && open) choose(Math.max(chosen - 1, -1));
    else if (event.key === "Escape" && open) close();
    else if (event.key === "Enter") {
      const text = chosen >= 0 ? whole(items[chosen].tag) : typedText();
      if (text) finish(text);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  const typed = () => {
    clearTimeout(timer);
    timer = setTimeout(fetchItems, PAUSE_MS);
  };
  field.addEventListener("input", typed);
  field.addEventListener("keydown", keys);
  field.addEventListener("blur", close);
  field.completeFirst = first;
  return { first, close, stop: close };
}

const short = (count) =>
  count >= 1e6 ? `${(count / 1e6).toFixed(1)}M` : count >= 1e3 ? `${Math.round(count / 1e3)}k` : String(count);
