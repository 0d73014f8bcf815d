// The small marks of a row: its status, what a person decided, where it comes from, whether it is a near copy,
// whether somebody has touched it.
// Each has a word or a sign of its own: none is told by colour alone.

import { el, spoken } from "./dom.js";

const DECIDED = { accepted: "accepted ✓", rejected: "rejected ✗", excluded: "excluded –" };

export function badges(row) {
  const marks = [];
  if (row.verdict)
    marks.push(
      el(
        "span",
        { class: `badge decided ${row.verdict}`, title: "a person decided this" },
        DECIDED[row.verdict] ?? row.verdict,
      ),
    );
  if (row.status && row.status !== "kept" && row.status !== row.verdict)
    marks.push(el("span", { class: `badge status ${row.status}`, title: row.reason ?? "" }, row.status));
  if (row.origin && row.origin !== "source")
    marks.push(
      el(
        "span",
        { class: "badge drawn", title: `${row.origin}: ${row.made_by ?? "made"}` },
        { composite: "composite", crop: "crop" }[row.made_by] ?? "drawn",
      ),
    );
  if (row.then !== null && row.then !== undefined)
    marks.push(el("span", { class: "badge then", title: "the next run changes its caption" }, "changes"));
  if (row.flags?.includes("near_copy"))
    marks.push(el("span", { class: "badge near", title: "nearly a copy of another picture" }, "≈", spoken(" near copy")));
  if (row.touched)
    marks.push(
      el("span", { class: "badge touched", title: "somebody decided something about it" }, "●", spoken(" touched")),
    );
  return marks;
}
