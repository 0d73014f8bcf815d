// What the page knows of the set: the rows by id, the ids that the filter finds, and which of them are selected. It says
// `list`, `rows`, `selection` and `current` when one of these has changed; it draws nothing.

import { get, post } from "./server.js";

const BLOCK = 200;
const KEPT_DETAILS = 12;

class Store extends EventTarget {
  set = null;
  version = 0;
  filter = "";
  sort = "";
  ids = [];
  total = 0;
  places = new Map();
  rows = new Map();
  selected = new Set();
  current = null;
  pinned = false; // the current picture is being looked at: it stays the current one, in the list or not
  pending = null;
  asked = new Set();
  details = new Map();
  listing = null;
  exclusive = new Map();

  tell(what, detail = null) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }

  on(what, then) {
    this.addEventListener(what, (event) => then(event.detail));
  }

  async start() {
    this.set = await get("api/set");
    this.version = this.set.version;
  }

  // Fetches the list. `hold`: a list that differs waits in `pending`, so that the picture after this one stays the same.
  async list({ hold = false } = {}) {
    this.listing?.abort();
    this.listing = new AbortController();
    const answer = await get("api/list", { filter: this.filter, sort: this.sort }, this.listing.signal);
    this.total = answer.total;
    if (hold && !same(answer.ids, this.ids)) {
      this.pending = answer.ids;
      this.tell("count");
    } else if (!hold || this.pending) {
      this.take(answer.ids);
    } else this.tell("count");
  }

  take(ids) {
    const before = this.place(this.current);
    this.pending = null;
    this.ids = ids;
    this.places = new Map(ids.map((id, place) => [id, place]));
    if (!this.pinned) this.land(before);
    for (const id of this.selected) if (!this.places.has(id)) this.selected.delete(id);
    this.tell("list");
    this.tell("selection");
  }

  // The list that waited is shown now; a current picture that is not in it gives way to its neighbour.
  settle() {
    if (this.pending) this.take(this.pending);
    else this.land(0);
  }

  land(place) {
    if (!this.places.has(this.current))
      this.current = this.ids[Math.min(Math.max(place, 0), this.ids.length - 1)] ?? null;
  }

  get count() {
    return (this.pending ?? this.ids).length;
  }

  place(id) {
    return this.places.get(id) ?? -1;
  }

  // Asks for the rows of these ids that are not here yet, in blocks.
  async want(ids) {
    const missing = ids.filter((id) => !this.rows.has(id) && !this.asked.has(id));
    for (let start = 0; start < missing.length; start += BLOCK) {
      const block = missing.slice(start, start + BLOCK);
      block.forEach((id) => this.asked.add(id));
      try {
        this.put((await post("api/rows", { ids: block })).rows);
      } finally {
        block.forEach((id) => this.asked.delete(id));
      }
    }
  }

  put(rows) {
    for (const row of rows) {
      this.rows.set(row.id, row);
      this.details.delete(row.id);
    }
    if (rows.length) this.tell("rows", new Set(rows.map((row) => row.id)));
  }

  forget() {
    this.rows.clear();
    this.details.clear();
    this.tell("rows", null);
  }

  // All about one picture; kept for the few around the current one.
  detail(id) {
    if (!this.details.has(id)) {
      const asked = get(`api/picture/${encodeURIComponent(id)}`).then((detail) => {
        if (!this.rows.has(id)) this.rows.set(id, detail);
        asked.here = detail;
        return detail;
      });
      asked.catch(() => this.details.get(id) === asked && this.details.delete(id));
      this.details.set(id, asked);
      while (this.details.size > KEPT_DETAILS) this.details.delete(this.details.keys().next().value);
    }
    return this.details.get(id);
  }

  go(id) {
    if (id === this.current) return;
    this.current = id;
    this.tell("current");
  }

  select(ids) {
    this.selected = new Set(ids);
    this.tell("selection");
  }

  // Whom a change is for: the selected pictures, else the current one.
  targets() {
    if (this.selected.size) return this.ids.filter((id) => this.selected.has(id));
    return this.current ? [this.current] : [];
  }
}

const same = (one, other) => one.length === other.length && one.every((id, place) => id === other[place]);

export const store = new Store();
