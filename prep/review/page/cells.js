// One cell of the grid: a thumbnail in a box that is there before it, a name, and the marks. Cells are used again for other
// pictures, so all that a cell shows is set anew.

import { el } from "./dom.js";
import { store } from "./store.js";
import { listensTo, showThumb } from "./thumb.js";
import { words } from "./text.js";
import { badges } from "./badges.js";

const INSET = 8; // border and margin of a cell, both sides

export function newCell() {
  const image = el("img", { alt: "", loading: "lazy", decoding: "async", draggable: false });
  const box = el("div", { class: "thumb" }, image);
  const name = el("div", { class: "cell-name" });
  const marks = el("div", { class: "cell-marks" });
  const cell = el(
    "div",
    { class: "cell", role: "option" },
    box,
    el("span", { class: "tick", "aria-hidden": "true", title: "select" }),
    name,
    marks,
  );
  listensTo(image, box);
  Object.assign(cell, { image, box, name, marks });
  return cell;
}

// Shows the picture at this place of the list. `box`: where, in px.
export function fillCell(cell, place, box) {
  const id = store.ids[place];
  const row = store.rows.get(id);
  cell.style.transform = `translate(${box.left}px, ${box.top}px)`;
  cell.style.width = `${box.width}px`;
  cell.style.height = `${box.height}px`;
  cell.box.style.height = `${box.width - INSET}px`;
  cell.setAttribute("aria-posinset", place + 1);
  cell.setAttribute("aria-setsize", store.ids.length);
  cell.setAttribute("aria-selected", String(store.selected.has(id)));
  cell.classList.toggle("current", id === store.current);
  if (cell.dataset.id !== id) {
    cell.dataset.id = id;
    showThumb(cell.image, cell.box, id);
    cell.shown = null;
  }
  if (row && cell.shown !== row) {
    cell.shown = row;
    cell.name.replaceChildren(words(row.name, 60));
    cell.marks.replaceChildren(...badges(row));
    cell.classList.toggle("out", row.status !== "kept" && row.verdict !== "accepted");
  } else if (!row && !cell.shown) {
    cell.name.replaceChildren();
    cell.marks.replaceChildren();
  }
}
