// The picture, large, and its parent beside it where it was drawn; both are zoomed and moved together.

import { el, button } from "./dom.js";
import { image } from "./images.js";
import { makeZoom } from "./zoom.js";
import { visible, words } from "./text.js";

function makeRoom(label) {
  return el("div", { class: "room", tabIndex: 0, role: "group", "aria-label": label });
}

function put(room, row) {
  const node = image(row.id);
  if (room.firstChild !== node) room.replaceChildren(node);
  room.classList.toggle("gone", Boolean(node.failed));
  node.alt = visible(row.name).slice(0, 100);
  return { room, image: node, width: row.width || 1, height: row.height || 1 };
}

export function makeStages() {
  const scale = el("output", { class: "scale" });
  const zoom = makeZoom((text) => (scale.textContent = text));
  const room = makeRoom("The picture. Arrows move it, plus and minus zoom.");
  const parentRoom = makeRoom("Its parent.");
  const parentName = el("figcaption", {});
  const parentStage = el("figure", { class: "stage", hidden: true }, parentRoom, parentName);
  const stage = el("figure", { class: "stage" }, room, el("figcaption", {}, "this picture"));
  const element = el("div", { class: "stages" }, stage, parentStage);
  const buttons = el(
    "span",
    { class: "group", role: "group", "aria-label": "Zoom" },
    button("Fit", zoom.fit),
    button("100 %", zoom.full),
    button("−", zoom.smaller, { "aria-label": "Zoom out" }),
    button("+", zoom.larger, { "aria-label": "Zoom in" }),
    scale,
  );
  zoom.listen(room);
  zoom.listen(parentRoom);

  // `parent`: its row, null where there is none, undefined where that is not known yet.
  function show(row, parent) {
    const seen = [put(room, row)];
    if (parent !== undefined) parentStage.hidden = !parent;
    if (parent) {
      seen.push(put(parentRoom, parent));
      parentName.replaceChildren("drawn from ", words(parent.name, 40));
    }
    zoom.set(seen);
  }

  return { element, buttons, show, toggle: zoom.toggle, focus: () => room.focus() };
}
