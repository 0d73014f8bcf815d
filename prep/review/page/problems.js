// Problems, each with what to do, and near copies side by side.

import { el, button } from "./dom.js";
import { get } from "./server.js";
import { changeOrSay, VERDICTS } from "./actions.js";
import { liveView } from "./live.js";
import { badges } from "./badges.js";
import { smallImage } from "./thumbs.js";
import { number, plural, visible, words } from "./text.js";

const AT_ONCE = 50;
let shownProblems = AT_ONCE;
let shownCopies = AT_ONCE;

function problem(one, open) {
  return el(
    "li",
    { class: "card problem" },
    one.id
      ? button([smallImage(one.id, 72)], () => open(one.id), {
          class: "small-picture",
          "aria-label": "Open the picture",
        })
      : el("span", { class: "no-picture" }),
    el(
      "div",
      {},
      el("p", {}, el("strong", {}, visible(one.kind)), " ", words(one.where, 160)),
      el("p", {}, words(one.message, 400)),
      one.hint && el("p", { class: "hint" }, words(one.hint, 400)),
    ),
    one.id &&
      el(
        "div",
        { class: "buttons" },
        (one.actions ?? []).map((action) =>
          button(VERDICTS[action] ?? action, () => changeOrSay({ op: action, ids: [one.id] }), {
            class: "small",
            "data-key": `${one.id}/${one.kind}/${action}`,
          }),
        ),
      ),
  );
}

function copies(group, open) {
  return el(
    "section",
    { class: "card" },
    el(
      "div",
      { class: "beside" },
      group.pictures.map((row) =>
        el(
          "figure",
          {},
          button([smallImage(row.id, 240)], () => open(row.id), {
            class: "small-picture",
            "aria-label": "Open the picture",
          }),
          el(
            "figcaption",
            {},
            words(row.name, 40),
            el("span", { class: "hint" }, ` ${row.width} × ${row.height}`),
            el("div", { class: "cell-marks" }, badges(row)),
          ),
          button("Exclude this", () => changeOrSay({ op: "exclude", ids: [row.id] }), {
            class: "small",
            "data-key": `${row.id}/copy`,
          }),
        ),
      ),
    ),
    group.note && el("p", { class: "hint" }, visible(group.note)),
    el(
      "div",
      { class: "buttons start" },
      button(
        group.pictures.length > 2 ? "Keep all" : "Keep both",
        () => changeOrSay({ op: "accept", ids: group.pictures.map((row) => row.id) }),
        { "data-key": `${group.pictures[0]?.id}/keep` },
      ),
    ),
  );
}

export function problemsView(open) {
  const view = liveView("Problems", "Problems and near copies", async () => {
    const found = await get("api/problems");
    const more = (count, shown, grow) =>
      count > shown &&
      button(`${number(count - shown)} more`, () => {
        grow();
        view.show();
      });
    return [
      el("h3", {}, plural(found.problems.length, "problem")),
      found.problems.length
        ? el(
            "ul",
            { class: "plain" },
            found.problems.slice(0, shownProblems).map((one) => problem(one, open)),
          )
        : el("p", { class: "hint" }, "None."),
      more(found.problems.length, shownProblems, () => (shownProblems += AT_ONCE)),
      el("h3", {}, plural(found.copies.length, "group of near copies", "groups of near copies")),
      found.copies.length
        ? found.copies.slice(0, shownCopies).map((group) => copies(group, open))
        : el("p", { class: "hint" }, "None."),
      more(found.copies.length, shownCopies, () => (shownCopies += AT_ONCE)),
    ];
  });
  return view;
}
