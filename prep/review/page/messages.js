// The one line that says what was done and what went wrong: in the bar, and read aloud.

import { byId } from "./dom.js";
import { visible } from "./text.js";

let waiting = null; // a sign for the message in the line, where it is about a change that waits for a run

function show(text, kind) {
  waiting = null;
  const line = byId("message");
  const shown = visible(text);
  line.className = kind;
  line.title = shown;
  // The same words twice are news too: an empty line between makes a screen reader say them again.
  line.textContent = "";
  requestAnimationFrame(() => (line.textContent = shown));
}

export function say(text, waits = false) {
  show(text, "said");
  if (waits) waiting = Symbol("waits");
}

// The message that is about a change which waits, or null; and its end, unless another one has come meanwhile.
export const saidToWait = () => waiting;
export const waitIsOver = (message) => message && message === waiting && show("", "said");

export function complain(error) {
  if (error?.name === "AbortError") return;
  show(error?.message || "Something went wrong. Load the page again.", "wrong");
  if (!error?.status && error?.name !== "ServerError") console.error(error);
}
