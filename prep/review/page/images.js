// Whole pictures, fetched and decoded ahead, so that a key shows the next one at once. The last few are kept.

import { imageOf, thumbOf } from "./server.js";

const KEPT = 12;
const kept = new Map();

// The <img> of a picture. Until it is decoded, its thumbnail shows in its place.
export function image(id) {
  let node = kept.get(id);
  if (node && !node.failed) kept.delete(id);
  else {
    node = new Image();
    node.alt = "";
    node.draggable = false;
    node.decoding = "sync";
    node.style.backgroundImage = `url("${thumbOf(id)}")`;
    node.addEventListener("load", () => (node.style.backgroundImage = ""));
    node.addEventListener("error", () => {
      node.failed = true;
      node.parentElement?.classList.add("gone");
    });
    node.src = imageOf(id);
  }
  kept.set(id, node);
  while (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return node;
}

export function ahead(id) {
  image(id)
    .decode()
    .catch(() => {});
}
