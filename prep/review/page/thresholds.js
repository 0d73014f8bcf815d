// Thresholds from corrections: what a person's own additions and removals say about a tag's threshold, with the evidence.

import { el, button } from "./dom.js";
import { get, post } from "./server.js";
import { preview, example } from "./preview.js";
import { taken } from "./actions.js";
import { liveView } from "./live.js";
import { cut, number, percent, plural, score, visible, words } from "./text.js";

const agreed = (value, cases) => (value > 0 && value < 1 ? percent(value) : `${number(value)} of ${number(cases)}`);

const send = (proposal, value, dry) =>
  post("api/thresholds", { name: proposal.name, level: proposal.level, value, dry });

function accept(proposal) {
  return preview(
    `${cut(proposal.tag)}, ${proposal.level} pictures: ${score(proposal.now)} → ${score(proposal.proposed)}`,
    () => send(proposal, proposal.proposed, true),
    async () => taken(await send(proposal, proposal.proposed, false)),
    "It is written into settings.toml beside the set; captions change with the next run.",
  );
}

function remove(accepted) {
  return preview(
    `${cut(accepted.tag)}, ${accepted.level} pictures: no threshold of its own`,
    () => send(accepted, null, true),
    async () => taken(await send(accepted, null, false)),
  );
}

function card(proposal) {
  const shown = proposal.examples ?? [];
  return el(
    "section",
    { class: "card" },
    el("h3", {}, words(proposal.tag, 60), el("span", { class: "hint" }, ` in ${visible(proposal.level)} pictures`)),
    el(
      "dl",
      { class: "pairs" },
      el("dt", {}, "threshold"),
      el("dd", { class: "number" }, `${score(proposal.now)} → ${score(proposal.proposed)}`),
      el("dt", {}, "you decided"),
      el(
        "dd",
        {},
        plural(proposal.cases, "case"),
        proposal.corrections !== undefined && `, ${number(proposal.corrections)} of them corrected`,
      ),
      el("dt", {}, "agrees with you"),
      el(
        "dd",
        {},
        `now ${agreed(proposal.agree_now, proposal.cases)}, then ${agreed(proposal.agree_then, proposal.cases)} (bound ${score(proposal.bound)})`,
      ),
      el("dt", {}, "in the whole set"),
      el("dd", {}, `added to ${plural(proposal.adds, "caption")}, removed from ${number(proposal.removes)}`),
    ),
    el(
      "div",
      { class: "buttons start" },
      button("Accept…", () => accept(proposal), {
        class: "primary",
        "aria-haspopup": "dialog",
        "aria-label": `Accept the threshold for ${cut(proposal.tag)}`,
      }),
    ),
    shown.length > 0 &&
      el(
        "details",
        {},
        el("summary", {}, plural(shown.length, "example")),
        el("ul", { class: "examples" }, shown.map(example)),
      ),
  );
}

export function thresholdsView() {
  return liveView("Thresholds", "Thresholds from your corrections", async () => {
    const found = await get("api/thresholds");
    return [
      el(
        "p",
        {},
        `You corrected ${plural(found.corrected ?? 0, "picture")}. A tag gets a proposal from ${plural(found.least, "case")} on.`,
      ),
      found.note && el("p", { class: "hint" }, visible(found.note)),
      found.proposals.map(card),
      !found.proposals.length && !found.note && el("p", { class: "hint" }, "No proposals."),
      el("h3", {}, "Accepted"),
      found.accepted.length
        ? el(
            "table",
            {},
            el(
              "thead",
              {},
              el(
                "tr",
                {},
                ["Tag", "Level", "Threshold", ""].map((head) =>
                  head ? el("th", { scope: "col" }, head) : el("td", {}),
                ),
              ),
            ),
            el(
              "tbody",
              {},
              found.accepted.map((one) =>
                el(
                  "tr",
                  {},
                  el("th", { scope: "row" }, words(one.tag, 60)),
                  el("td", {}, visible(one.level)),
                  el("td", { class: "number" }, score(one.value)),
                  el(
                    "td",
                    {},
                    button("Remove…", () => remove(one), {
                      class: "small",
                      "aria-label": `Remove the threshold of ${cut(one.tag)}`,
                    }),
                  ),
                ),
              ),
            ),
          )
        : el("p", { class: "hint" }, "None yet."),
    ];
  });
}
