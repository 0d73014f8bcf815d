// The one line that says what was done and what went wrong: in the bar, and read aloud.

import { byId } from "./dom.js";
import { visible } from "./text.js";

function show(text, kind) {
  const line = byId("message");
  const shown = visible(text);
  line.className = kind;
  line.title = shown;
  // The same words twice are news too: an empty line between makes a screen reader say them again.
  line.textContent = "";
  requestAnimationFrame(() => (line.textContent = shown));
}

export const say = (text) => show(text, "said");

export function complain(error) {
  if (error?.name === "AbortError") return;
  show(error?.message || "Something went wrong. Load the page again.", "wrong");
  if (!error?.status && error?.name !== "ServerError") console.error(error);
}
