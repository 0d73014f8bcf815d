// Two captions, one under the other, with what differs marked. Tags are compared one by one, in their order, so a tag that
// has moved is marked too; a caption of sentences is compared word by word.

import { el } from "./dom.js";
import { words } from "./text.js";

const MOST = 400;
const COMMA = /,\s*/u;

// The longest common run of pieces: for each side, the places of the pieces that are in it.
function common(before, after) {
  const length = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      length[i][j] = before[i] === after[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
  const kept = [new Set(), new Set()];
  for (let i = 0, j = 0; i < before.length && j < after.length;) {
    if (before[i] === after[j]) {
      kept[0].add(i++);
      kept[1].add(j++);
    } else if (length[i + 1][j] >= length[i][j + 1]) i++;
    else j++;
  }
  return kept;
}

function marked(parts, kept, mark, separator) {
  return parts.flatMap((part, place) => {
    const piece = kept.has(place) ? words(part) : el(mark, {}, words(part));
    return place ? [separator, piece] : [piece];
  });
}

const side = (text, parts, kept, mark, separator) =>
  text === null || text === undefined
    ? el("i", {}, "no caption")
    : text === ""
      ? el("i", {}, "empty")
      : marked(parts, kept, mark, separator);

// Lines for `before` and `after`, as one element.
export function difference(before, after, labels = ["Before", "After"]) {
  const tags = [before, after].some((text) => (text ?? "").split(COMMA).length > 3);
  const [one, other] = [before, after].map((text) => (text ? text.split(tags ? COMMA : /\s+/u) : []));
  const small = one.length <= MOST && other.length <= MOST;
  const [keptOne, keptOther] = small ? common(one, other) : [new Set(), new Set()];
  const separator = tags ? ", " : " ";
  return el(
    "dl",
    { class: "difference" },
    el("dt", {}, labels[0]),
    el("dd", {}, side(before, one, keptOne, "del", separator)),
    el("dt", {}, labels[1]),
    el("dd", {}, side(after, other, keptOther, "ins", separator)),
  );
}
