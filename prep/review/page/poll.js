// What changes elsewhere: another tab, the command line, a run. Asked for every two seconds while the page is looked at,
// and right after a change of one's own.

import { get } from "./server.js";
import { store } from "./store.js";
import { byId } from "./dom.js";
import { complain, saidToWait, say, waitIsOver } from "./messages.js";
import { copy } from "./clipboard.js";
import { plural, visible } from "./text.js";

const EVERY_MS = 2000;

export function startPoll() {
  let timer = 0;
  let asking = false;
  let again = false;
  let lost = false;

  async function ask() {
    clearTimeout(timer);
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    const waits = saidToWait();
    try {
      const found = await get("api/changes", { since: store.version });
      if (lost) say("The server answers again.");
      lost = false;
      const moved = found.version !== store.version;
      store.version = found.version;
      tellState(found);
      if (!found.run?.waiting) waitIsOver(waits);
      if (found.all) {
        store.forget();
        store.tell("fresh");
      } else if (moved) {
        store.put(found.rows ?? []);
        store.tell("fresh");
      }
    } catch (error) {
      if (!lost) complain(error);
      lost = true;
    } finally {
      asking = false;
      if (again) {
        again = false;
        ask();
      } else if (!document.hidden) timer = setTimeout(ask, EVERY_MS);
    }
  }

  document.addEventListener("visibilitychange", () => !document.hidden && ask());
  store.on("changed", ask);
  store.on("stale", ask);
  byId("command").textContent = visible(store.set.command ?? "");
  byId("copy-command").addEventListener("click", () => copy(store.set.command ?? ""));
  tellState({ run: store.set.run, next: null });
  ask();
}

function tellState({ run, next }) {
  const parts = [];
  if (store.set.trial) parts.push("A trial, made with the starter models.");
  if (store.set.source) parts.push(store.set.source);
  if (run?.busy) parts.push(`prep run is working (${run.busy}).`);
  for (const message of run?.messages ?? []) parts.push(message);
  if (run?.waiting)
    parts.push(
      `${plural(run.waiting, "change")} ${run.waiting === 1 ? "waits" : "wait"} for ${run.busy ? "it" : "the next run"}.`,
    );
  const line = byId("run");
  line.textContent = visible(parts.join(" "));
  line.title = line.textContent;
  line.classList.toggle("busy", Boolean(run?.busy));
  const count = next?.count ?? 0;
  byId("next-run").hidden = !count;
  byId("next-count").textContent =
    `${plural(count, "caption")} ${count === 1 ? "changes" : "change"} with the next run:`;
}
