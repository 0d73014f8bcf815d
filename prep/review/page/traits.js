// What the trigger word learns: one table per character, and a choice of three for each tag.

import { el, button } from "./dom.js";
import { get, post } from "./server.js";
import { preview } from "./preview.js";
import { taken } from "./actions.js";
import { liveView } from "./live.js";
import { cut, plural, score, visible, words } from "./text.js";

const CHOICES = { auto: "auto", trigger: "trigger", caption: "caption" };
const TITLES = {
  auto: "as the numbers say",
  trigger: "captions leave it out, so that the trigger word learns it",
  caption: "captions name it, so that it can be asked for or left out",
};

async function choose(character, row, choice) {
  const body = { character: character.character, name: row.name, choice };
  await preview(
    `${cut(row.tag)}: ${choice === "auto" ? "as the numbers say" : choice === "trigger" ? "left to the trigger" : "in captions"}`,
    () => post("api/traits", { ...body, dry: true }),
    async () => taken(await post("api/traits", { ...body, dry: false })),
    "It is written into settings.toml beside the set; captions change with the next run.",
  );
}

function choices(character, row) {
  return el(
    "div",
    { class: "choice", role: "group", "aria-label": `${cut(row.tag)} goes to` },
    Object.entries(CHOICES).map(([choice, label]) =>
      button(label, () => row.choice !== choice && choose(character, row, choice), {
        class: "small",
        "aria-pressed": String(row.choice === choice),
        title: TITLES[choice],
        "data-key": `${character.slug}/${row.name}/${choice}`.slice(0, 200),
      }),
    ),
  );
}

function table(character) {
  const heads = ["Tag", "Images", "Bound", "Core", "Where", "Why", "Choice"];
  return el(
    "section",
    { class: "card" },
    el(
      "h2",
      {},
      words(character.character),
      el(
        "span",
        { class: "hint" },
        " trigger ",
        el("code", {}, words(character.trigger)),
        `, ${plural(character.images, "picture")}`,
      ),
    ),
    character.few && el("p", { class: "warns" }, "Few pictures: the bounds are wide. Choose by hand what you know."),
    character.rows.length
      ? el(
          "div",
          { class: "wide" },
          el(
            "table",
            {},
            el("caption", { class: "spoken" }, `Tags of ${cut(character.character)}`),
            el(
              "thead",
              {},
              el(
                "tr",
                {},
                heads.map((head) => el("th", { scope: "col" }, head)),
              ),
            ),
            el(
              "tbody",
              {},
              character.rows.map((row) =>
                el(
                  "tr",
                  { class: row.trait ? "trait" : "" },
                  el("th", { scope: "row" }, words(row.tag, 60)),
                  el("td", { class: "number" }, `${row.images} of ${row.of}`),
                  el("td", { class: "number", title: "lower Wilson bound" }, score(row.bound)),
                  el("td", {}, row.core ? "core" : ""),
                  el("td", {}, row.trait ? "★ left to the trigger" : "in captions"),
                  el("td", { class: "why" }, words(row.why, 200)),
                  el("td", {}, choices(character, row)),
                ),
              ),
            ),
          ),
        )
      : el("p", { class: "hint" }, "No core tags."),
  );
}

export function traitsView() {
  return liveView("Trigger", "What will the trigger learn?", async () => {
    const found = await get("api/traits");
    return [
      found.source && el("p", { class: "warns" }, visible(found.source)),
      el(
        "p",
        {},
        "A tag that the captions leave out becomes part of what the trigger word means. A tag that they name stays apart from it: it can be asked for, or left out.",
      ),
      found.characters.length ? found.characters.map(table) : el("p", { class: "hint" }, "No characters."),
    ];
  });
}
