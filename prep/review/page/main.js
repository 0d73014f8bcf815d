// The start, and the way from view to view: the part of the address behind `#` says which view is open and with what filter,
// so that the browser's own back, forward and reload work.

import { byId } from "./dom.js";
import { store } from "./store.js";
import { complain, say } from "./messages.js";
import { startFilter } from "./filter.js";
import { startTagList } from "./taglist.js";
import { startKeys, showKeys } from "./keys.js";
import { startPoll } from "./poll.js";
import { undo, redo } from "./actions.js";
import { setView } from "./setview.js";
import { pictureView } from "./picture.js";
import { traitsView } from "./traits.js";
import { thresholdsView } from "./thresholds.js";
import { bucketsView } from "./buckets.js";
import { problemsView } from "./problems.js";
import { historyView } from "./history.js";
import { visible } from "./text.js";

const REST_MS = 300;

const main = byId("main");
const views = {};
let open = null;
let filter = null;
let arriving = true;

function address(view, id = null) {
  const query = new URLSearchParams();
  if (store.filter) query.set("filter", store.filter);
  if (store.sort) query.set("sort", store.sort);
  const text = query.toString();
  return `#${view}${id ? `/${id}` : ""}${text ? `?${text}` : ""}`;
}

function route() {
  const [path, query = ""] = location.hash.slice(1).split(/\?(.*)/su);
  const [view, id] = path.split("/");
  const asked = new URLSearchParams(query);
  return {
    view: Object.hasOwn(views, view) ? view : "set",
    id: id || null,
    filter: asked.get("filter"),
    // At first, if the address says nothing, the order that the set asks for: what two readers differ about comes first.
    sort: asked.get("sort") ?? (open === null && !query ? store.set.order : null),
  };
}

const openPicture = (id) => (location.hash = address("picture", id));
const openSet = () => (location.hash = address("set"));

// Shows the pictures of a filter, from wherever a tag was clicked.
async function look(wanted) {
  await filter.set(wanted, store.sort);
  location.hash = address("set");
}

// The picture that is shown, in the address, without a step back for each one.
function follow() {
  if (arriving) return;
  const { view } = route();
  if (view === "picture" && store.current) history.replaceState(null, "", address("picture", store.current));
  else if (view === "set") history.replaceState(null, "", address("set"));
}

async function arrive() {
  arriving = true;
  try {
    await show(route());
  } finally {
    arriving = false;
  }
}

async function show(wanted) {
  if (
    (wanted.view === "set" || wanted.view === "picture") &&
    ((wanted.filter ?? "") !== store.filter || (wanted.sort ?? "") !== store.sort)
  )
    if (location.hash.includes("?") || open === null) await filter.set(wanted.filter ?? "", wanted.sort ?? "");
  if (wanted.view === "picture" && !wanted.id) wanted.id = store.current;
  if (wanted.view === "picture" && !wanted.id) wanted.view = "set";
  const view = views[wanted.view];
  const before = open;
  if (before !== view) {
    before?.hide?.();
    main.replaceChildren(view.element);
  }
  open = view;
  document.body.dataset.view = wanted.view;
  for (const link of byId("views").children) {
    const here = link.hash.slice(1) === (wanted.view === "picture" ? "set" : wanted.view);
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${view.title} · ${visible(store.set.name)} · prep review`;
  try {
    await view.show(wanted);
  } catch (error) {
    complain(error);
  }
  if (before && before !== view) (view.focus ?? (() => main.focus()))();
}

async function firstUntouched() {
  const places = store.ids;
  for (let start = 0; start < places.length; start += 200) {
    const block = places.slice(start, start + 200);
    await store.want(block);
    const found = block.find((id) => store.rows.has(id) && !store.rows.get(id).touched);
    if (found) {
      store.go(found);
      open.untouched?.();
      return;
    }
  }
  say("Every picture of this list is touched.");
}

// Views without a list hide the filter.
async function toFilter() {
  if (open !== views.set && open !== views.picture) {
    history.pushState(null, "", address("set"));
    await arrive();
  }
  filter.focus();
}

// Enter in the filter: from a picture to the grid, where the first that was found is framed.
function toFound() {
  if (open === views.set) return open.focus();
  store.current = store.ids[0] ?? null;
  return openSet();
}

function act(action, event) {
  if (action === "back" && event.target !== document.body && event.target.matches?.("input, textarea, select")) {
    event.target.blur();
    (open.focus ?? (() => main.focus()))();
    return true;
  }
  if (action === "complete" && event.target.completeFirst) event.target.completeFirst();
  else if (open.act?.(action, event)) return true;
  else if (action === "undo") undo();
  else if (action === "redo") redo();
  else if (action === "filter") toFilter().catch(complain);
  else if (action === "help") showKeys(store.set.keys);
  else if (action === "first_untouched") firstUntouched().catch(complain);
  else if (action === "back" && open !== views.set) openSet();
  else return false;
  return true;
}

function startList() {
  let timer = 0;
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(
      () => store.list({ hold: open === views.picture }).catch((error) => error.status !== 400 && complain(error)),
      REST_MS,
    );
  };
  store.on("changed", again);
  store.on("fresh", again);
}

async function start() {
  await store.start();
  byId("set-name").textContent = visible(store.set.name);
  byId("set-name").title = visible(store.set.name);
  filter = startFilter(follow);
  startTagList(look);
  Object.assign(views, {
    set: setView(openPicture, look),
    picture: pictureView({ look, openSet, firstUntouched }),
    trigger: traitsView(),
    thresholds: thresholdsView(),
    buckets: bucketsView(openPicture),
    problems: problemsView(openPicture),
    history: historyView(),
  });
  byId("undo").addEventListener("click", undo);
  byId("redo").addEventListener("click", redo);
  byId("help").addEventListener("click", () => showKeys(store.set.keys));
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    (open?.focus ?? (() => main.focus()))();
  });
  startKeys(store.set.keys, act);
  startList();
  store.on("current", follow);
  store.on("filtered", toFound);
  addEventListener("hashchange", () => arrive().catch(complain));
  const first = route();
  await filter.set(first.filter ?? "", first.sort ?? "");
  await arrive();
  startPoll();
}

start().catch(complain);
