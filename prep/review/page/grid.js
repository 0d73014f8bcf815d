// The pictures of the list in a grid. Only the rows in view, and a few around them, are elements; the rest is the height of
// a spacer. The grid keeps the focus and says which cell is the active one, so cells can come and go under it.

import { el } from "./dom.js";
import { store } from "./store.js";
import { complain } from "./messages.js";
import { fillCell, newCell } from "./cells.js";

const CELL = 168;
const LABEL = 46;
const GAP = 8;
const AROUND = 3;

// `open(id)` is called for Enter and for a double click.
export function makeGrid(open) {
  const sheet = el("div", { class: "sheet", role: "presentation" });
  const element = el(
    "div",
    {
      class: "grid",
      id: "grid",
      role: "listbox",
      tabIndex: 0,
      "aria-multiselectable": "true",
      "aria-label": "Pictures",
    },
    sheet,
  );
  const empty = el("p", { class: "empty", hidden: true }, "No picture fits this filter.");
  const cells = new Map();
  const spare = [];
  let columns = 1;
  let width = CELL;
  let height = CELL + LABEL;
  let waiting = false;
  let anchor = null;

  function measure() {
    const room = element.clientWidth - GAP;
    columns = Math.max(1, Math.floor(room / (CELL + GAP)));
    width = Math.floor(room / columns) - GAP;
    height = width + LABEL + GAP;
    sheet.style.height = `${Math.ceil(store.ids.length / columns) * height + GAP}px`;
    empty.hidden = store.ids.length > 0;
  }

  function fill(cell, place) {
    const left = GAP + (place % columns) * (width + GAP);
    const top = GAP + Math.floor(place / columns) * height;
    fillCell(cell, place, { left, top, width, height: height - GAP });
  }

  function draw() {
    waiting = false;
    if (!element.clientWidth) return;
    const first = Math.max(0, Math.floor(element.scrollTop / height) - AROUND) * columns;
    const last = Math.min(
      store.ids.length,
      (Math.ceil((element.scrollTop + element.clientHeight) / height) + AROUND) * columns,
    );
    for (const [place, cell] of cells) {
      if (place >= first && place < last) continue;
      cells.delete(place);
      cell.remove();
      spare.push(cell);
    }
    const missing = [];
    for (let place = first; place < last; place++) {
      let cell = cells.get(place);
      if (!cell) {
        cell = spare.pop() ?? newCell();
        cell.id = `cell-${place}`;
        cells.set(place, cell);
        sheet.append(cell);
      }
      fill(cell, place);
      if (!store.rows.has(store.ids[place])) missing.push(store.ids[place]);
    }
    const here = cells.get(store.place(store.current));
    if (here) element.setAttribute("aria-activedescendant", here.id);
    else element.removeAttribute("aria-activedescendant");
    if (missing.length) wantSoon(first, last);
  }

  // Rows are asked for once scrolling rests a moment, with as many around them as fill the block.
  let timer = 0;
  function wantSoon(first, last) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const middle = Math.max(0, Math.min(first, Math.floor((first + last) / 2) - 100));
      store.want(store.ids.slice(middle, Math.max(last, middle + 200))).catch(complain);
    }, 30);
  }

  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(draw);
  }

  function reveal(id = store.current) {
    const place = store.place(id);
    if (place < 0 || !element.clientHeight) return;
    const top = GAP + Math.floor(place / columns) * height;
    if (top - GAP < element.scrollTop) element.scrollTop = top - GAP;
    else if (top + height > element.scrollTop + element.clientHeight)
      element.scrollTop = top + height - element.clientHeight;
  }

  function go(place, extend = false) {
    if (!store.ids.length) return;
    const to = store.ids[Math.min(Math.max(place, 0), store.ids.length - 1)];
    if (extend) {
      anchor ??= store.current;
      selectTo(to);
    } else anchor = to;
    store.go(to);
    reveal(to);
  }

  function selectTo(id) {
    const from = Math.max(0, store.place(anchor));
    const to = store.place(id);
    store.select(store.ids.slice(Math.min(from, to), Math.max(from, to) + 1));
  }

  function toggle(id) {
    const selected = new Set(store.selected);
    if (!selected.delete(id)) selected.add(id);
    anchor = id;
    store.select(selected);
  }

  element.addEventListener("scroll", soon, { passive: true });
  new ResizeObserver(() => {
    const first = Math.floor(element.scrollTop / height) * columns;
    const before = columns;
    measure();
    if (before !== columns) element.scrollTop = Math.floor(first / columns) * height;
    soon();
  }).observe(element);

  element.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
  element.addEventListener("click", (event) => {
    const id = event.target.closest(".cell")?.dataset.id;
    if (!id) return;
    element.focus();
    if (event.target.closest(".tick") || event.ctrlKey || event.metaKey) toggle(id);
    else if (event.shiftKey) {
      anchor ??= store.current;
      selectTo(id);
    } else {
      anchor = id;
      if (store.selected.size) store.select([]);
    }
    store.go(id);
  });
  element.addEventListener("dblclick", (event) => {
    const id = event.target.closest(".cell")?.dataset.id;
    if (id && !event.target.closest(".tick")) open(id);
  });
  element.addEventListener("keydown", (event) => {
    const control = event.ctrlKey || event.metaKey;
    if (event.altKey) return;
    const here = store.place(store.current);
    const rows = Math.max(1, Math.floor(element.clientHeight / height));
    const to = {
      ArrowLeft: here - 1,
      ArrowRight: here + 1,
      ArrowUp: here - columns,
      ArrowDown: here + columns,
      PageUp: here - rows * columns,
      PageDown: here + rows * columns,
      Home: 0,
      End: store.ids.length - 1,
    }[event.key];
    if (to !== undefined && !control) {
      const jumps = event.key === "ArrowUp" || event.key === "ArrowDown";
      if (!jumps || (to >= 0 && to < store.ids.length)) go(to, event.shiftKey);
    } else if (event.key === " " && store.current) toggle(store.current);
    else if (event.key === "a" && control) store.select(store.ids);
    else if (event.key === "Enter" && store.current) open(store.current);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  store.on("list", () => {
    measure();
    soon();
  });
  store.on("rows", soon);
  store.on("selection", soon);
  store.on("current", soon);

  return {
    element,
    empty,
    move: (steps) => go(store.place(store.current) + steps),
    show() {
      measure();
      reveal();
      draw();
    },
    reveal,
  };
}
