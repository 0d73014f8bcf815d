// The set as a grid, with what can be done to the selected pictures, or to all that the filter finds.

import { el, button } from "./dom.js";
import { store } from "./store.js";
import { makeGrid } from "./grid.js";
import { openBulk } from "./bulk.js";
import { decide, VERDICTS } from "./actions.js";
import { number } from "./text.js";

const QUICK = {
  "": "All",
  "is:trained": "Trained on",
  "is:untouched": "Untouched",
  "is:drawn": "Drawn",
  "status:rejected": "Rejected",
};

// `look(filter)` shows the pictures of a filter.
export function setView(openPicture, look) {
  const grid = makeGrid(openPicture);
  const whom = el("p", { class: "whom", "aria-live": "polite" });
  const open = button("Open", () => store.current && openPicture(store.current), { title: "Enter, or a double click" });
  const verdicts = Object.entries(VERDICTS).map(([verdict, label]) =>
    button(label, () => decide(verdict), { class: verdict }),
  );
  const tags = button("Tags…", () => openBulk(), {
    "aria-haspopup": "dialog",
    title: "add, remove, rename or move tags of the selected pictures, or of all that the filter finds",
  });
  const all = button("Select all", () => store.select(store.selected.size === store.ids.length ? [] : store.ids), {
    title: "Ctrl+A",
  });
  const bar = el(
    "div",
    { class: "actions", role: "group", "aria-label": "What to do with them" },
    open,
    verdicts,
    tags,
    all,
    whom,
  );
  const both = store.set.order ? { "disagrees:*": "Readers differ" } : {};
  const quick = Object.entries({ ...QUICK, ...both }).map(([filter, label]) =>
    button(label, () => look(filter), { class: "small", "aria-pressed": "false", title: filter || "no filter" }),
  );
  const element = el(
    "section",
    { class: "set-view", "aria-label": "Set" },
    bar,
    el("div", { class: "actions quick", role: "group", "aria-label": "Quick filters" }, quick),
    el("div", { class: "grid-place" }, grid.element, grid.empty),
  );

  function tell() {
    const chosen = store.selected.size;
    whom.textContent = chosen ? `${number(chosen)} selected` : "";
    all.textContent = chosen && chosen === store.ids.length ? "Select none" : "Select all";
    open.disabled = !store.current;
    verdicts.forEach((node) => (node.disabled = !store.current));
    tags.disabled = !store.ids.length;
  }

  function press() {
    Object.keys(QUICK).forEach((filter, place) =>
      quick[place].setAttribute("aria-pressed", String(filter === store.filter)),
    );
  }

  store.on("filter", press);
  store.on("selection", tell);
  store.on("list", tell);
  store.on("current", tell);

  return {
    element,
    title: "Set",
    show() {
      store.settle();
      grid.show();
      tell();
    },
    focus: () => grid.element.focus(),
    act(action) {
      if (action === "next") grid.move(1);
      else if (action === "previous") grid.move(-1);
      else if (action in VERDICTS) decide(action);
      else if (action === "tags") openBulk();
      else if (action === "add" || action === "remove") openBulk(action);
      else if (action === "back") store.select([]);
      else return false;
      return true;
    },
    untouched: () => grid.reveal(),
  };
}
