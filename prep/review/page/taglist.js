// The list of tags at the left: in groups, with counts among the pictures that the filter finds. It is fetched anew after
// each change. Tags that exclude one another stand together under a common mark.

import { byId, el, button, spoken } from "./dom.js";
import { get } from "./server.js";
import { store } from "./store.js";
import { complain } from "./messages.js";
import { cut, number, visible, words } from "./text.js";
import { narrowed, term } from "./filter.js";

const SHOWN = 40;

// `look(filter)` shows the pictures of a filter.
export function startTagList(look) {
  const place = byId("tags");
  const search = el("input", {
    type: "search",
    id: "tag-search",
    placeholder: "find a tag",
    autocomplete: "off",
    spellcheck: false,
    "aria-label": "Find a tag in this list",
  });
  const groups = el("div", { class: "groups" });
  place.append(el("h2", {}, "Tags"), search, groups);
  const whole = new Set();
  let found = null;
  let asking = null;

  async function fetchTags() {
    asking?.abort();
    asking = new AbortController();
    try {
      found = await get("api/tags", { filter: store.filter }, asking.signal);
      nameSets(found.groups);
      draw();
    } catch (error) {
      if (error.status !== 400) complain(error);
    }
  }

  function draw() {
    if (!found) return;
    const focused = document.activeElement?.dataset?.key;
    const wanted = search.value.trim().toLowerCase();
    const drawn = [];
    for (const group of found.groups) {
      const tags = wanted ? group.tags.filter(({ tag }) => tag.toLowerCase().includes(wanted)) : group.tags;
      if (tags.length) drawn.push(section(group, tags));
    }
    groups.replaceChildren(
      ...(drawn.length ? drawn : [el("p", { class: "hint" }, wanted ? "No tag has these letters." : "No tags.")]),
    );
    if (focused && document.activeElement === document.body)
      groups.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  function section(group, tags) {
    const all = whole.has(group.name);
    const shown = all ? tags : tags.slice(0, SHOWN);
    const sets = grouped(shown);
    const items = [];
    for (const [name, members] of sets) {
      if (name && members.length > 1)
        items.push(
          el(
            "li",
            { class: "one-of" },
            el(
              "p",
              { class: "one-of-name" },
              `${visible(name)}: usually one`,
            ),
            el("ul", {}, members.map(item)),
          ),
        );
      else items.push(...members.map(item));
    }
    const rest = tags.length - shown.length;
    return el(
      "section",
      {},
      el("h3", {}, group.title, el("span", { class: "number" }, number(tags.length))),
      el("ul", {}, items),
      rest > 0 &&
        button(
          `${number(rest)} more`,
          () => {
            whole.add(group.name);
            draw();
          },
          { class: "more" },
        ),
    );
  }

  function item({ tag, count }) {
    const name = button(
      words(tag, 60),
      (event) => look(event.ctrlKey || event.metaKey ? narrowed(store.filter, term("tag", tag)) : term("tag", tag)),
      {
        class: "tag-name",
        "data-key": tag.slice(0, 200),
        title: `${visible(tag).slice(0, 2000)}\nits pictures; with Ctrl, those of the filter that have it`,
      },
    );
    name.append(el("span", { class: "number" }, number(count), spoken(count === 1 ? " picture" : " pictures")));
    const without = button("−", () => look(narrowed(store.filter, `-${term("tag", tag)}`)), {
      class: "without",
      title: "the pictures without it",
      "aria-label": `Pictures without ${cut(tag)}`,
    });
    return el("li", { class: "tag" }, name, without);
  }

  search.addEventListener("input", draw);
  store.on("filter", fetchTags);
  store.on("changed", fetchTags);
  store.on("fresh", fetchTags);
  return { fetchTags };
}

// Which set each tag is of, for the chips of a picture.
function nameSets(groups) {
  for (const { tag, exclusive } of groups.flatMap((group) => group.tags)) if (exclusive) store.exclusive.set(tag, exclusive);
}

function grouped(entries) {
  const sets = new Map();
  for (const entry of entries) {
    const name = entry.exclusive;
    sets.set(name, [...(sets.get(name) ?? []), entry]);
  }
  return sets;
}
