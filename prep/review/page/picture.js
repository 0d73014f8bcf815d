// One picture: large, beside its parent where it was drawn, with its tags, its caption and its details. The fields stay in
// place while the picture changes, so that a key goes to the next one without leaving them.

import { el, button, newId } from "./dom.js";
import { store } from "./store.js";
import { complain } from "./messages.js";
import { changeOrSay, VERDICTS } from "./actions.js";
import { ahead } from "./images.js";
import { badges } from "./badges.js";
import { captionField } from "./caption.js";
import { chips, takesTags } from "./chips.js";
import { completes } from "./complete.js";
import { details, tokens } from "./details.js";
import { difference } from "./diff.js";
import { makeStages } from "./stages.js";
import { number, words } from "./text.js";
import { term } from "./filter.js";

export function pictureView({ look, openSet, firstUntouched }) {
  const position = el("span", { class: "position" });
  const name = el("h2", { class: "picture-name" });
  const marks = el("span", { class: "cell-marks" });
  const stages = makeStages();
  const field = el("input", {
    type: "text",
    id: newId("add"),
    spellcheck: false,
    dir: "auto",
    title: "one tag, or several with commas between them",
  });
  const whyNot = el("p", { class: "hint why-not", id: newId("why-not") });
  field.setAttribute("aria-describedby", whyNot.id);
  const addButton = button("Add", () => field.value.trim() && add(field.value.trim()));
  const addRow = el(
    "div",
    { class: "add" },
    el("label", { htmlFor: field.id }, "Add tags"),
    el("span", { class: "combobox" }, field),
    addButton,
    whyNot,
  );
  const here = (body) => changeOrSay({ ...body, ids: [store.current] });
  // Chips are those of the last picture whose tags have come.
  const there = (body) => changeOrSay({ ...body, ids: [shown] });
  const tags = chips({
    remove: (tag) => there({ op: "remove", tag }),
    back: (tag) => there({ op: "add", tag }),
    move: (tag, to) => there({ op: "move", tag, to }),
    look: (tag) => look(term("tag", tag)),
  });
  const caption = captionField();
  const count = el("div", {});
  const then = el("div", {});
  const about = el("div", { class: "about" });
  const panel = el(
    "div",
    { class: "panel", role: "region", "aria-label": "Tags, caption and details" },
    addRow,
    tags.element,
    count,
    caption.element,
    then,
    about,
  );
  const before = button("Previous", () => step(-1));
  const after = button("Next", () => step(1));
  const element = el(
    "section",
    { class: "picture-view", "aria-label": "Picture" },
    el(
      "div",
      { class: "actions" },
      button("‹ Set", openSet, { "aria-label": "Back to the set" }),
      before,
      position,
      after,
      button("Untouched", () => firstUntouched().catch(complain), {
        title: "the first picture that nobody has touched",
        "aria-label": "First untouched picture",
      }),
      el(
        "span",
        { class: "group", role: "group", "aria-label": "Decide" },
        Object.entries(VERDICTS).map(([verdict, label]) =>
          button(label, () => decideHere(verdict), { class: verdict }),
        ),
      ),
    ),
    el("div", { class: "actions second" }, name, marks, stages.buttons),
    el("div", { class: "picture-body" }, stages.element, panel),
  );
  let visibleNow = false;
  let shown = null;
  let turn = 0;

  completes(field, { enter: add });

  // Here a decision is about this picture alone, whatever is selected in the grid.
  const decideHere = (verdict) => here({ op: verdict });

  // A field that takes nothing keeps the focus: letters that are typed there must not become keys of the page.
  function allowTags(detail) {
    const allowed = takesTags(detail);
    field.readOnly = !allowed;
    field.setAttribute("aria-disabled", String(!allowed));
    addButton.disabled = !allowed;
    whyNot.textContent = allowed
      ? ""
      : detail.sentence
        ? "A sentence: change it as text below."
        : detail.verdict === "accepted" || ["kept", "rejected"].includes(detail.status)
          ? "It has no caption: accepted pictures get one with the next run."
          : "It is not trained on.";
  }

  async function add(tag) {
    if (field.readOnly) return;
    const typed = field.value;
    field.value = "";
    const done = await here({ op: "add", tag });
    if (!done && !field.value) field.value = typed;
  }

  function step(by) {
    const place = store.place(store.current);
    const to = store.ids[place < 0 ? 0 : place + by];
    if (to) store.go(to);
  }

  function head(row) {
    const place = store.place(store.current);
    position.textContent = place < 0 ? "not in the list" : `${number(place + 1)} of ${number(store.ids.length)}`;
    before.disabled = place === 0;
    after.disabled = place === store.ids.length - 1;
    if (!row) return;
    name.replaceChildren(words(row.name, 60));
    marks.replaceChildren(...badges(row));
  }

  // The picture at once, from what is here; the rest as soon as it comes.
  function showCurrent() {
    const id = store.current;
    if (!id) return openSet();
    if (shown !== id) leaveTags();
    const place = store.place(id);
    const row = store.rows.get(id);
    head(row);
    const asked = store.detail(id);
    const mine = ++turn;
    const latest = () => visibleNow && mine === turn;
    if (asked.here) fill(asked.here);
    else {
      if (row) stages.show(row);
      if (shown !== id) {
        panel.setAttribute("aria-busy", "true");
        tags.element.inert = true;
      }
      asked
        .then((detail) => latest() && fill(detail))
        .catch((error) => {
          if (!latest()) return;
          complain(error);
          // An address of a picture that this set does not have.
          if (place < 0 && error.status) openSet();
        });
    }
    const around = [place + 1, place - 1, place + 2].map((at) => store.ids[at]).filter((other) => other && place >= 0);
    for (const other of around) {
      ahead(other);
      store
        .detail(other)
        .then((detail) => detail.parent && ahead(detail.parent.id))
        .catch(() => {});
    }
    return undefined;
  }

  // With another picture, what had the focus goes: a key pressed next must not be about a tag that nobody has seen.
  function leaveTags() {
    const at = document.activeElement;
    if (tags.element.contains(at) || about.contains(at)) stages.focus();
  }

  function fill(detail) {
    const other = shown !== detail.id;
    shown = detail.id;
    head(detail);
    stages.show(detail, detail.parent ?? null);
    tags.show(detail);
    tags.element.inert = false;
    allowTags(detail);
    caption.show(detail);
    count.replaceChildren(tokens(detail.tokens));
    const changes = detail.then !== null && detail.then !== undefined && detail.then !== detail.caption;
    then.replaceChildren(
      ...(changes
        ? [
            el(
              "section",
              { class: "next-caption" },
              el("h3", {}, "The next run will write"),
              difference(detail.caption, detail.then, ["Now", "Then"]),
            ),
          ]
        : []),
    );
    about.replaceChildren(...details(detail, (id) => store.go(id)));
    panel.removeAttribute("aria-busy");
    // What is typed in stays in view; else each picture is read from the top.
    if (panel.contains(document.activeElement)) document.activeElement.scrollIntoView({ block: "nearest" });
    else if (other) panel.scrollTop = 0;
  }

  store.on("current", () => visibleNow && showCurrent());
  store.on("list", () => visibleNow && head(store.rows.get(store.current)));
  store.on("rows", (ids) => visibleNow && store.current && (!ids || ids.has(store.current)) && showCurrent());

  return {
    element,
    title: "Picture",
    show({ id }) {
      visibleNow = true;
      store.pinned = true;
      if (id) store.current = id;
      showCurrent();
    },
    hide() {
      visibleNow = false;
      store.pinned = false;
      caption.leave();
    },
    focus: stages.focus,
    act(action) {
      if (action === "next") step(1);
      else if (action === "previous") step(-1);
      else if (action in VERDICTS) decideHere(action);
      else if (action === "add") field.focus();
      else if (action === "caption") caption.focus();
      else if (action === "zoom") stages.toggle();
      else if (action === "remove") tags.element.inert || tags.removeFocused() || tags.focus();
      else return false;
      return true;
    },
  };
}
