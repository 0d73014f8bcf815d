// What a person decides, sent to the server: one picture at once, several after a preview. Buttons and keys both come here.

import { post } from "./server.js";
import { store } from "./store.js";
import { say, complain } from "./messages.js";
import { preview } from "./preview.js";
import { cut, plural } from "./text.js";

export const VERDICTS = { accept: "Accept", reject: "Reject", exclude: "Exclude", restore: "Restore" };

// Takes what the server answered to a change: rows, message, and word to all who show something. `text`: what is said of
// it; `waits`: whether that is about a change which waits for a run.
export function taken(done, text = done.message ?? "Done.", waits = Boolean(done.waiting)) {
  const rows = done.rows ?? [];
  if ((done.count ?? 0) > rows.length) store.forget();
  store.put(rows);
  say(text, waits);
  store.tell("changed");
  return done;
}

// A change that went wrong because the page was behind: all is fetched anew.
export function failed(error) {
  complain(error);
  if (error?.stale) store.tell("stale");
}

// A tag that was added to one picture, or removed from it, is named with the picture; all else as the server says it.
function sentenceOf(body, done) {
  const sign = { add: "+", remove: "−" }[body.op];
  if (!sign || !done.count || body.ids?.length !== 1) return done.message;
  const [id] = body.ids;
  const name = (done.rows?.find((row) => row.id === id) ?? store.rows.get(id))?.name ?? "one picture";
  return `${sign} ${cut(body.tag)}: ${cut(name)}${done.waiting ? "; kept until the run is done" : ""}`;
}

export async function change(body) {
  const done = await post("api/edit", body);
  return taken(done, sentenceOf(body, done));
}

export async function changeOrSay(body) {
  try {
    return await change(body);
  } catch (error) {
    failed(error);
    return null;
  }
}

// The pictures that a bulk change is for, as the server wants them.
export function whereOf(ids) {
  if (ids === null) return { filter: store.filter };
  return ids.length === store.ids.length && !store.pending ? { filter: store.filter } : { ids };
}

export async function decide(verdict) {
  const ids = store.targets();
  if (!ids.length) return;
  if (ids.length === 1) {
    await changeOrSay({ op: verdict, ids });
    return;
  }
  const body = { op: verdict, ...whereOf(ids) };
  await preview(
    `${VERDICTS[verdict]} ${plural(ids.length, "picture")}`,
    () => post("api/edit", { ...body, dry: true }),
    (count) => change({ ...body, expect: count }),
  );
}

async function step(address) {
  try {
    const done = await post(address);
    taken(done, done.message, false);
  } catch (error) {
    // Nothing to undo is a 409 as well: it says so, and that is all.
    complain(error);
  }
}

export const undo = () => step("api/undo");
export const redo = () => step("api/redo");
