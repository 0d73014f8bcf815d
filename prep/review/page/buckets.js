// Buckets as kohya will fill them: each with its pictures, and on each picture what the crop leaves.

import { el, button } from "./dom.js";
import { get } from "./server.js";
import { listensTo, showThumb } from "./thumb.js";
import { liveView } from "./live.js";
import { number, percent, plural, visible, words } from "./text.js";

const AT_ONCE = 60;
const SIDE = 128;

function cropped(picture) {
  const scale = SIDE / Math.max(picture.width, picture.height, 1);
  const image = el("img", { alt: "", loading: "lazy", decoding: "async" });
  const frame = el("span", { class: "crop" });
  const box = el("span", { class: "crop-box" }, image, frame);
  const [left, top, right, bottom] = picture.crop ?? [0, 0, 1, 1];
  box.style.width = `${picture.width * scale}px`;
  box.style.height = `${picture.height * scale}px`;
  frame.style.left = `${100 * left}%`;
  frame.style.top = `${100 * top}%`;
  frame.style.width = `${100 * (right - left)}%`;
  frame.style.height = `${100 * (bottom - top)}%`;
  listensTo(image, box);
  showThumb(image, box, picture.id);
  return box;
}

function item(picture, open) {
  const notes = [
    picture.lost ? `${percent(picture.lost)} cut off` : "whole",
    picture.upscaled && "enlarged",
    picture.small && "small",
    picture.head && picture.head !== "not measured" && `head ${visible(picture.head)}`,
  ].filter(Boolean);
  return el(
    "li",
    {},
    button([el("span", { class: "crop-place" }, cropped(picture)), words(picture.name, 24)], () => open(picture.id), {
      class: "small-picture",
    }),
    el("span", { class: "hint" }, notes.join(", ")),
  );
}

function bucketCard(bucket, open) {
  const pictures = [...bucket.pictures].sort((one, other) => (other.lost ?? 0) - (one.lost ?? 0));
  const list = el("ul", { class: "crops" });
  const more = button("", () => add());
  let shown = 0;
  function add() {
    const next = pictures.slice(shown, shown + AT_ONCE);
    list.append(...next.map((picture) => item(picture, open)));
    shown += next.length;
    more.hidden = shown >= pictures.length;
    more.textContent = `${number(pictures.length - shown)} more`;
  }
  add();
  const lost = pictures.length ? pictures.reduce((sum, picture) => sum + (picture.lost ?? 0), 0) / pictures.length : 0;
  return el(
    "section",
    { class: "card bucket" },
    el(
      "h4",
      {},
      `${bucket.width} × ${bucket.height}`,
      el("span", { class: "hint" }, ` ${plural(bucket.count, "picture")}, ${percent(lost)} cut off on average`),
    ),
    bucket.warning && el("p", { class: bucket.count === 1 ? "hint" : "warns" }, visible(bucket.warning)),
    list,
    more,
  );
}

// Worst first: by the largest loss of one picture, then by the number of pictures.
function worstFirst(buckets) {
  const worst = new Map(buckets.map((one) => [one, Math.max(0, ...one.pictures.map((picture) => picture.lost ?? 0))]));
  return [...buckets].sort((one, other) => worst.get(other) - worst.get(one) || other.count - one.count);
}

export function bucketsView(open) {
  return liveView("Buckets", "Buckets before training", async () => {
    const found = await get("api/buckets");
    const unknown = found.datasets.some((set) =>
      set.buckets.some((bucket) => bucket.pictures.some((picture) => picture.head === "not measured")),
    );
    return [
      found.note && el("p", {}, visible(found.note)),
      el(
        "p",
        { class: "hint" },
        `Worst first. The bright part stays. ${unknown ? "Where no head is named, whether one is cut was not measured." : ""}`,
      ),
      found.datasets.map((set) =>
        el(
          "section",
          {},
          el(
            "h3",
            {},
            `Resolution ${visible(set.resolution)}`,
            el(
              "span",
              { class: "hint" },
              `, steps of ${set.step} px${set.no_upscale ? ", nothing is enlarged" : ""}, ${plural(set.buckets.length, "bucket")}`,
            ),
          ),
          (set.warnings ?? []).map((warning) => el("p", { class: "warns" }, visible(warning))),
          worstFirst(set.buckets).map((bucket) => bucketCard(bucket, open)),
        ),
      ),
      !found.datasets.length && el("p", { class: "hint" }, "No pictures train."),
    ];
  });
}
