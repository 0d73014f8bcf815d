// A row of small pictures with their names: near copies, what was drawn from a picture.

import { el, button } from "./dom.js";
import { listensTo, showThumb } from "./thumb.js";
import { words } from "./text.js";
import { badges } from "./badges.js";

export function smallImage(id, size = 96) {
  const box = el("span", { class: "thumb" });
  const node = el("img", { alt: "", loading: "lazy", decoding: "async", width: size, height: size });
  listensTo(node, box);
  showThumb(node, box, id);
  box.style.width = box.style.height = `${size}px`;
  box.append(node);
  return box;
}

export function thumbs(rows, open) {
  return el(
    "ul",
    { class: "thumbs" },
    rows.map((row) =>
      el(
        "li",
        {},
        button([smallImage(row.id), words(row.name, 24)], () => open(row.id), { class: "small-picture" }),
        el("div", { class: "cell-marks" }, badges(row)),
      ),
    ),
  );
}
