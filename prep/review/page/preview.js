// What a change would do, before it is done: how many pictures, which ones, and their captions before and after.

import { el, button, newId } from "./dom.js";
import { difference } from "./diff.js";
import { number, plural, score, words } from "./text.js";
import { thumbOf } from "./server.js";

const SHOWN = 20;

// A place that shows the outcome of `look` (a promise of {count, of, examples}); `show` fills it and gives the count, or
// null where nothing can be applied.
export function outcome() {
  const summary = el("p", { class: "summary", role: "status" });
  const examples = el("ul", { class: "examples" });
  const element = el("div", { class: "outcome" }, summary, examples);
  let turn = 0;

  async function show(look) {
    const mine = ++turn;
    summary.className = "summary";
    try {
      const found = await look();
      if (mine !== turn) return undefined;
      const shown = (found.examples ?? []).slice(0, SHOWN);
      const of = found.of ?? found.count;
      summary.textContent = found.count
        ? `${number(found.count)} of ${plural(of, "picture")} would change.` +
          (shown.length < found.count ? ` The first ${shown.length}:` : "")
        : `None of ${plural(of, "picture")} would change.`;
      examples.replaceChildren(...shown.map(example));
      return found.count;
    } catch (error) {
      if (mine !== turn) return undefined;
      tell(error.message);
      return null;
    }
  }

  function tell(text, wrong = true) {
    turn++;
    summary.className = wrong ? "summary wrong" : "summary";
    summary.textContent = text;
    examples.replaceChildren();
  }

  return { element, show, tell };
}

export function example(found) {
  return el(
    "li",
    {},
    el("img", { src: thumbOf(found.id), alt: "", loading: "lazy", decoding: "async", width: 64, height: 64 }),
    el(
      "div",
      {},
      words(found.name, 60, "words name"),
      found.score !== null &&
        found.score !== undefined &&
        el("span", { class: "hint number" }, ` score ${score(found.score)}`),
      difference(found.before, found.after),
    ),
  );
}

// A dialog with a preview. `look` gives the outcome, `apply` does it with the count that was shown. True once it is done.
export function preview(title, look, apply, note = "") {
  return new Promise((resolve) => {
    const heading = newId("preview");
    const seen = outcome();
    let count = null;
    const go = button("Apply", doIt, { class: "primary", disabled: true });
    const again = button("Look again", lookAgain, { hidden: true });
    const dialog = el(
      "dialog",
      { class: "preview", "aria-labelledby": heading },
      el("h2", { id: heading }, title),
      note && el("p", {}, note),
      seen.element,
      el("p", { class: "hint" }, "One undo takes all of it back."),
      el(
        "div",
        { class: "buttons" },
        button("Cancel", () => dialog.close()),
        again,
        go,
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "done");
    });
    document.body.append(dialog);
    dialog.showModal();
    seen.tell("Looking…", false);
    lookAgain();

    async function lookAgain() {
      count = await seen.show(look);
      go.disabled = !count;
      again.hidden = count !== null;
      if (count) go.focus();
    }

    async function doIt() {
      go.disabled = true;
      try {
        await apply(count);
        dialog.close("done");
      } catch (error) {
        seen.tell(error.message);
        again.hidden = false;
        again.focus();
      }
    }
  });
}
