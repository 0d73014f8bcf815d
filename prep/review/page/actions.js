// What a person decides, sent to the server: one picture at once, several after a preview. Buttons and keys both come here.

import { post } from "./server.js";
import { store } from "./store.js";
import { say, complain } from "./messages.js";
import { preview } from "./preview.js";
import { plural } from "./text.js";

export const VERDICTS = { accept: "Accept", reject: "Reject", exclude: "Exclude", restore: "Restore" };

// Takes what the server answered to a change: rows, message, and word to all who show something.
export function taken(done) {
  const rows = done.rows ?? [];
  if ((done.count ?? 0) > rows.length) store.forget();
  store.put(rows);
  say((done.message ?? "Done.") + (done.waiting ? " It waits for the run that is working." : ""));
  store.tell("changed");
  return done;
}

// A change that went wrong because the page was behind: all is fetched anew.
export function failed(error) {
  complain(error);
  if (error?.stale) store.tell("stale");
}

export async function change(body) {
  return taken(await post("api/edit", body));
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
    taken(await post(address));
  } catch (error) {
    // Nothing to undo is a 409 as well: it says so, and that is all.
    complain(error);
  }
}

export const undo = () => step("api/undo");
export const redo = () => step("api/redo");
