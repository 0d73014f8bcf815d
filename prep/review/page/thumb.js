// Thumbnails in their boxes. One that cannot be read is asked for once, until the whole set is fetched anew; its box says so.

import { thumbOf } from "./server.js";
import { store } from "./store.js";

const unread = new Set();
store.on("rows", (ids) => ids ?? unread.clear());

// Called once for an <img> and its box.
export function listensTo(image, box) {
  image.addEventListener("error", () => {
    unread.add(image.dataset.id);
    box.classList.add("gone");
  });
}

export function showThumb(image, box, id) {
  image.dataset.id = id;
  box.classList.toggle("gone", unread.has(id));
  if (unread.has(id)) image.removeAttribute("src");
  else image.src = thumbOf(id);
}
