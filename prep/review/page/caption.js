// A caption as text. It is saved with the caption that the writer saw (`base`), so the server can merge what another one
// changed meanwhile. What could not be saved stays here as a draft, and is shown again with its picture.

import { el, button, newId } from "./dom.js";
import { store } from "./store.js";
import { change } from "./actions.js";
import { complain, say } from "./messages.js";
import { difference } from "./diff.js";
import { hasUnseen, visible } from "./text.js";

export function captionField() {
  const field = el("textarea", { id: newId("caption"), rows: 5, dir: "auto", spellcheck: false });
  const save = button("Save", () => commit(), { disabled: true });
  const revert = button("Revert", () => load(shown, false), { disabled: true });
  const unseen = el("p", { class: "hint", hidden: true });
  const note = el("div", { class: "caption-note", "aria-live": "polite" });
  const element = el(
    "section",
    { class: "caption" },
    el("h3", {}, el("label", { htmlFor: field.id }, "Caption")),
    field,
    el("div", { class: "buttons" }, el("span", { class: "hint" }, "Saved when you leave it."), revert, save),
    unseen,
    note,
  );
  const drafts = new Map();
  const saving = new Set();
  let shown = null; // the detail that the field is about

  const dirty = () => shown !== null && field.value !== field.base;

  function state() {
    save.disabled = revert.disabled = !dirty();
    unseen.hidden = !hasUnseen(field.value);
    if (!unseen.hidden)
      unseen.textContent = `With its unseen characters written out: ${visible(field.value).slice(0, 2000)}`;
  }

  function load(detail, withDraft = true) {
    if (!detail) return;
    if (!withDraft) drafts.delete(detail.id);
    const draft = drafts.get(detail.id);
    shown = detail;
    field.base = draft?.base ?? detail.caption ?? "";
    field.value = draft?.text ?? detail.caption ?? "";
    note.replaceChildren(...(draft?.note ? draft.note : []));
    state();
  }

  function show(detail) {
    if (shown?.id !== detail.id) {
      if (dirty()) commit();
      load(detail);
    } else if (dirty() || saving.has(detail.id)) {
      shown = detail;
      if (dirty() && !saving.has(detail.id) && (detail.caption ?? "") !== field.base)
        note.replaceChildren(
          el("p", {}, "The caption has changed meanwhile. Saving merges both."),
          difference(field.value, detail.caption, ["Yours", "Now in the set"]),
        );
    } else load(detail);
  }

  // Saves what was typed. It knows its picture, so the page may go on meanwhile.
  async function commit(base = field.base) {
    if (!shown || field.value === base || saving.has(shown.id)) return;
    const { id } = shown;
    const text = field.value;
    const draft = { text, base, note: null };
    drafts.set(id, draft);
    saving.add(id);
    try {
      const done = await change({ op: "caption", id, text, base });
      drafts.delete(id);
      saving.delete(id);
      const now = done.rows?.find((row) => row.id === id)?.caption ?? (done.count ? text : base);
      const merged = now.trim() !== text.trim();
      if (merged) say("Saved, and merged with a change made meanwhile.");
      if (shown?.id === id) {
        const untouched = field.value === text;
        shown = { ...shown, caption: now };
        field.base = now;
        if (untouched) field.value = now;
        note.replaceChildren(
          ...(merged
            ? [el("p", {}, "Merged with a change made meanwhile:"), difference(text, now, ["You wrote", "Saved"])]
            : []),
        );
        state();
      }
    } catch (error) {
      saving.delete(id);
      complain(error);
      draft.note = await choice(id, text, error);
      if (shown?.id !== id) return;
      note.replaceChildren(...draft.note);
      note.scrollIntoView({ block: "nearest" });
    }
  }

  async function choice(id, text, error) {
    if (!error.stale) return [el("p", { class: "wrong" }, `Not saved: ${error.message}`)];
    store.details.delete(id);
    const now = await store.detail(id).catch(() => null);
    if (!now) return [el("p", { class: "wrong" }, error.message)];
    if (shown?.id === id) shown = now;
    return [
      el("p", { class: "wrong" }, error.message),
      difference(text, now.caption, ["Yours", "Now in the set"]),
      el(
        "div",
        { class: "buttons" },
        button("Keep what is in the set", () => {
          if (shown?.id !== id) return;
          load(now, false);
          field.focus();
        }),
        button("Save mine", () => {
          if (shown?.id !== id) return;
          field.base = now.caption ?? "";
          field.focus();
          commit();
        }),
      ),
    ];
  }

  field.addEventListener("input", state);
  field.addEventListener("blur", () => dirty() && commit());
  field.completeFirst = () => commit();
  addEventListener("beforeunload", (event) => {
    if (dirty() || drafts.size) event.preventDefault();
  });

  return { element, show, leave: () => dirty() && commit(), focus: () => field.focus() };
}
