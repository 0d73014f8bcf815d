// The details of a picture: what it is, how it will be trained, and, where it was drawn, from what and how it was judged.

import { el, button } from "./dom.js";
import { copy } from "./clipboard.js";
import { percent, score, size, visible, words } from "./text.js";
import { thumbs } from "./thumbs.js";

const VERDICT = { accepted: "✓ accepted", rejected: "✗ rejected", "not measured": "– not measured" };

function pair(name, ...value) {
  const has = value.flat().some((part) => part !== null && part !== undefined && part !== "" && part !== false);
  return has ? [el("dt", {}, name), el("dd", {}, value)] : [];
}

const tags = (list) => (list?.length ? list.flatMap((tag, place) => [place ? ", " : "", words(tag)]) : [""]);

export function tokens(counts) {
  const guessed = [counts?.clip, counts?.t5].every((count) => count && !count.exact);
  const one = (name, count) => {
    if (!count) return null;
    const over = count.count > count.limit;
    return el(
      "span",
      { class: over ? "tokens over" : "tokens" },
      `${name} ${count.count} / ${count.limit}`,
      !count.exact && !guessed && " (estimate)",
      over && ", over the limit",
    );
  };
  return el(
    "p",
    { class: "token-line" },
    el("span", { class: "hint" }, guessed ? "Tokens, an estimate: " : "Tokens: "),
    one("CLIP", counts?.clip),
    " · ",
    one("T5", counts?.t5),
  );
}

function judged(made) {
  if (!made.witnesses?.length) return null;
  return el(
    "table",
    {},
    el("caption", {}, "Judged by"),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        ["Witness", "Measure", "Verdict", "Why"].map((name) => el("th", { scope: "col" }, name)),
      ),
    ),
    el(
      "tbody",
      {},
      made.witnesses.map((witness) =>
        el(
          "tr",
          {},
          el("th", { scope: "row" }, visible(witness.name)),
          el(
            "td",
            { class: "number" },
            witness.measure === null || witness.measure === undefined ? "not measured" : score(witness.measure),
          ),
          el("td", { class: `verdict ${witness.verdict}` }, VERDICT[witness.verdict] ?? visible(witness.verdict)),
          el("td", {}, words(witness.why, 200)),
        ),
      ),
    ),
  );
}

function made(detail) {
  const from = detail.made;
  if (!from) return null;
  return el(
    "section",
    {},
    el("h3", {}, "How it was made"),
    el(
      "dl",
      { class: "pairs" },
      pair("kind", [from.kind, from.manner].filter(Boolean).map(visible).join(", ")),
      pair("by", visible(from.generator)),
      pair("prompt", words(from.prompt, 1500)),
      pair("negative", words(from.negative, 600)),
      pair(
        "seed",
        from.seed !== null &&
          from.seed !== undefined && [
            el("code", {}, String(from.seed)),
            " ",
            button("Copy", () => copy(String(from.seed)), { class: "small", "aria-label": "Copy the seed" }),
          ],
      ),
      pair(
        "sampler",
        [
          visible(from.sampler),
          from.steps && `${from.steps} steps`,
          from.guidance !== null && from.guidance !== undefined && `guidance ${from.guidance}`,
          from.strength !== null && from.strength !== undefined && `strength ${from.strength}`,
        ]
          .filter(Boolean)
          .join(", "),
      ),
      pair("asked", tags(from.asked)),
      pair("changes", tags(from.changes)),
      pair("missing", tags(from.missing)),
      pair("unwanted", tags(from.unwanted)),
      pair(
        "check",
        detail.score !== null &&
          detail.score !== undefined &&
          `score ${score(detail.score)}, ${detail.verdict ? `${detail.verdict} by hand` : detail.status}${detail.reason ? `: ${visible(detail.reason)}` : ""}`,
      ),
    ),
    judged(from),
  );
}

function trained(bucket) {
  if (!bucket) return "";
  return `${bucket.width} × ${bucket.height}, ${bucket.lost ? `${percent(bucket.lost)} cut off` : "nothing cut off"}${bucket.upscaled ? ", enlarged" : ""}`;
}

export function details(detail, open) {
  return [
    made(detail),
    detail.near?.length && el("section", {}, el("h3", {}, "Near copies"), thumbs(detail.near, open)),
    detail.drawn_from_it?.length &&
      el("section", {}, el("h3", {}, "Drawn from it"), thumbs(detail.drawn_from_it, open)),
    el(
      "section",
      {},
      el("h3", {}, "File"),
      el(
        "dl",
        { class: "pairs" },
        pair("place", words(detail.place, 200)),
        pair("character", words(detail.character), detail.variant && [", ", words(detail.variant)]),
        pair(
          "size",
          `${detail.width} × ${detail.height}${detail.format ? `, ${visible(detail.format)}` : ""}${detail.bytes ? `, ${size(detail.bytes)}` : ""}`,
        ),
        pair("status", visible(detail.status), detail.reason && `: ${visible(detail.reason)}`),
        pair("flags", tags(detail.flags)),
        pair("rating", visible(detail.rating ?? "")),
        pair(
          "threshold",
          detail.threshold !== null &&
            detail.threshold !== undefined &&
            `${score(detail.threshold)}${detail.level ? ` (${visible(detail.level)})` : ""}`,
        ),
        pair("caption by", visible(detail.caption_source ?? "")),
        pair("in training", trained(detail.bucket)),
      ),
    ),
  ].filter(Boolean);
}
