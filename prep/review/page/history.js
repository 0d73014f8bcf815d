// What was decided, newest first. Undo takes back the newest that stands.

import { el, button } from "./dom.js";
import { get } from "./server.js";
import { undo, redo } from "./actions.js";
import { liveView } from "./live.js";
import { visible, words } from "./text.js";

const AT_ONCE = 500;

export function historyView() {
  return liveView("History", "History", async () => {
    const { steps } = await get("api/history");
    return [
      el(
        "div",
        { class: "buttons start" },
        button("Undo", undo, { "data-key": "undo" }),
        button("Redo", redo, { "data-key": "redo" }),
      ),
      steps.length
        ? el(
            "table",
            {},
            el(
              "thead",
              {},
              el(
                "tr",
                {},
                ["Step", "When", "By", "What"].map((head) => el("th", { scope: "col" }, head)),
              ),
            ),
            el(
              "tbody",
              {},
              steps
                .slice(0, AT_ONCE)
                .map((step) =>
                  el(
                    "tr",
                    { class: step.undone ? "undone" : "" },
                    el("td", { class: "number" }, step.number),
                    el(
                      "td",
                      { class: "number" },
                      el(
                        "time",
                        { dateTime: new Date(1000 * step.at).toISOString() },
                        new Date(1000 * step.at).toLocaleString(),
                      ),
                    ),
                    el("td", {}, visible(step.by)),
                    el("td", {}, words(step.text, 300), step.undone && " (undone)"),
                  ),
                ),
            ),
          )
        : el("p", { class: "hint" }, "Nothing was decided yet."),
      steps.length > AT_ONCE && el("p", { class: "hint" }, `The newest ${AT_ONCE} of ${steps.length}.`),
    ];
  });
}
