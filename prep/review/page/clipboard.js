// Copies a line, or shows it where the browser does not allow that.

import { say } from "./messages.js";

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } catch {
    say(`Copy it by hand: ${text}`);
  }
}
