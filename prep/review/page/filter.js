// The filter field: what is typed narrows the list, and the count beside it follows. A filter that cannot be read keeps the
// last list, and the server's sentence says where it stops.

import { byId } from "./dom.js";
import { store } from "./store.js";
import { complain } from "./messages.js";
import { number } from "./text.js";

const PAUSE_MS = 150;
const LONGEST = 500; // letters of a value; a longer one is looked for by its beginning
const PLAIN = /^[\p{L}\p{N}_-]+$/u;

// `tag:smile`, `tag:"red ribbon"`: a value as the filter's language wants it.
export function term(field, value) {
  if (PLAIN.test(value) && value.length <= LONGEST) return `${field}:${value}`;
  const more = value.length > LONGEST ? "*" : "";
  return `${field}:"${value.slice(0, LONGEST).replace(/["\\]/gu, "\\$&")}${more}"`;
}

// A filter narrowed by one more term.
export function narrowed(filter, more) {
  if (!filter) return more;
  return `${/\bOR\b/u.test(filter) ? `(${filter})` : filter} ${more}`;
}

// `tell` hears each filter that was read, so that the address can follow.
export function startFilter(tell) {
  const field = byId("filter");
  const note = byId("filter-note");
  const sort = byId("sort");
  let timer = 0;

  // True once the list is what was typed.
  async function apply() {
    clearTimeout(timer);
    const before = store.filter;
    const wanted = field.value.trim();
    store.filter = wanted;
    store.sort = sort.value;
    try {
      await store.list();
      field.removeAttribute("aria-invalid");
      note.textContent = "";
      tell();
      store.tell("filter");
      return true;
    } catch (error) {
      if (error.name === "AbortError") return false;
      if (store.filter === wanted) store.filter = before;
      if (error.status === 400) {
        field.setAttribute("aria-invalid", "true");
        note.textContent = error.message;
        note.title = error.message;
      } else complain(error);
      return false;
    }
  }

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(apply, PAUSE_MS);
  };
  field.addEventListener("input", soon);
  sort.addEventListener("change", apply);
  byId("filter-clear").addEventListener("click", () => {
    field.value = "";
    apply();
    field.focus();
  });
  byId("filter-form").addEventListener("submit", (event) => {
    event.preventDefault();
    // Whoever has gone on meanwhile stays where they are.
    apply().then((read) => read && document.activeElement === field && store.tell("filtered"));
  });
  const count = () => {
    const differs = store.pending ? ", changed" : "";
    byId("count").textContent = `${number(store.count)} of ${number(store.total)}${differs}`;
  };
  store.on("list", count);
  store.on("count", count);

  return {
    set(filter, order) {
      field.value = filter;
      sort.value = order ?? "";
      return apply();
    },
    focus() {
      field.focus();
      field.select();
    },
  };
}
