"""All that is known about one picture, for the page."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from prep.captions.compose import prompt_text
from prep.captions.groups import group_of
from prep.dataset.rows import manifest_columns
from prep.edits.edits import Edits
from prep.edits.merge import is_tag_list, items, key
from prep.edits.sidecar import Entry
from prep.review.board import Board
from prep.review.items import Item
from prep.review.next_run import Foreseen
from prep.review.tokens import Tokens
from prep.types import is_drawn, is_real

COLUMNS = (
    "tags", "removed", "threshold", "rating", "bytes", "generator", "prompt", "negative_prompt", "seed", "sampler",
    "steps", "guidance_scale", "strength", "check_missing", "check_unwanted", "asked", "changes", "check_identity",
    "check_damage", "check_alike", "disagreements",
)  # fmt: skip
WHY = {
    "filter": "the filter leaves it out", "trait": "the trigger word learns it",
    "overlap": "another tag says it more exactly", "limit": "the caption is full (captions.max_tags)",
    "settings": "the settings remove it", "category": "captions have no tags of its category (captions.also)",
    "crop": "this crop does not show it",
    "hand": "you removed it", "threshold": "its score is below the threshold",
}  # fmt: skip
NEARLY = 0.5  # of its threshold: from this score on, a tag that was not taken is shown
MOST_NEARLY = 12
MOST_RELATED = 40


class Details:
    """The manifest's long columns, as of when the board was read."""

    def __init__(self, out: Path) -> None:
        self.table = manifest_columns(out, COLUMNS)

    def values(self, at: int) -> dict[str, Any]:
        names = self.table.column_names
        return {name: self.table[name][at].as_py() if name in names else None for name in COLUMNS}


def detail_of(
    item: Item, board: Board, details: Details, edits: Edits, foreseen: Foreseen | None, tokens: Tokens
) -> dict[str, Any]:
    """An Item's row, and its tags with scores, what is not in the caption and why, how it was made, its relatives."""
    values, entry = details.values(item.at), edits.decisions.entry(item.picture)
    scores = _Scores(item, values, foreseen)
    text = item.text if item.captioned else None
    listed = item.listed if text and item.listed is not None else text
    sentence = bool(text) and not is_tag_list(listed)
    hand = entry.hand
    found = item.row() | {
        "level": item.level,
        "threshold": values["threshold"],
        "rating": values["rating"],
        "format": item.format,
        "bytes": values["bytes"],
        "caption_source": "machine" if not entry.by_hand else "hand" if hand.person == listed else "merged",
        "sentence": sentence,
        "tags": [] if sentence or not text else [_chip(each, entry, scores) for each in items(listed)],
        "removed": [*_removed(values, entry, scores, listed or "")] if text is not None else [],
        "machine": ", ".join(hand.machine) or None,
        "tokens": tokens.count(text or ""),
        "made": None if is_real(item.origin) else _made(item, values),
    }
    with board.lock:
        own = [other for other in board.by_image.get(item.parent_id or "", ()) if other.character == item.character]
        drawn = [other for other in board.items if other.parent_id == item.image_id and other.parent_id] if is_real(
            item.origin
        ) else []  # fmt: skip
        near = _near(board, item)
    return found | {
        "parent": own[0].row() if own else None,
        "drawn_from_it": [other.row() for other in drawn[:MOST_RELATED]],
        "near": [other.row() for other in near[:MOST_RELATED]],
    }


class _Scores:
    """What the tagger said about one picture: all of it where a preview has the scores, else what the manifest has."""

    def __init__(self, item: Item, values: dict[str, Any], foreseen: Foreseen | None) -> None:
        self.found = {key(tag["name"]): (tag["name"], tag["score"]) for tag in values["tags"] or ()}
        self.level_threshold = values["threshold"]
        self.own: Callable[[str], float | None] = lambda name: None
        self.second = {key(each["name"]): each["second"] for each in values["disagreements"] or ()}
        self.spelt = foreseen.composer.caption_text if foreseen else prompt_text
        if foreseen and item.image_id in foreseen.scores:
            scores, selector = foreseen.scores[item.image_id], foreseen.composer.selector
            names = scores.vocabulary.names
            self.found |= {
                key(names[at]): (names[at], score)
                for at, score in zip(scores.index.tolist(), scores.score.astype(np.float32).tolist(), strict=True)
                if scores.vocabulary.categories[at] != "rating"
            }
            if (other := scores.second) is not None and (readers := foreseen.composer.readers):
                names = readers.second.vocabulary.names  # as the first spells them
                theirs = zip(other.index.tolist(), other.score.astype(np.float32).tolist(), strict=True)
                self.second |= {key(names[at]): score for at, score in theirs}
            level = item.level or "medium"
            self.own = lambda name: selector.own_threshold(name, level)

    def name(self, tag: str) -> str | None:
        """As the tagger calls it."""
        return self.found.get(key(tag), (None,))[0]

    def score(self, tag: str) -> float | None:
        return round(self.found[key(tag)][1], 4) if key(tag) in self.found else None

    def by_second(self, tag: str) -> float | None:
        """The second reader's score; None: there is none, or it saw nothing of the tag."""
        return round(self.second[key(tag)], 4) if key(tag) in self.second else None

    def threshold(self, tag: str) -> float | None:
        """None for what the tagger does not know."""
        name = self.name(tag)
        if name is None:
            return None
        own = self.own(name)
        return self.level_threshold if own is None else own

    def nearly(self, but: set[str]) -> Iterator[str]:
        """The names of tags below their thresholds, the best first."""
        below = (
            (score / wanted, name)
            for name, score in self.found.values()
            if key(name) not in but and (wanted := self.threshold(name)) and NEARLY * wanted <= score < wanted
        )
        yield from (name for _, name in sorted(below, reverse=True)[:MOST_NEARLY])


def _chip(tag: str, entry: Entry, scores: _Scores) -> dict[str, Any]:
    hand = entry.hand
    machine = {*map(key, hand.machine)}
    triggers = {*map(key, hand.machine[: hand.triggers])}
    by_hand = key(tag) in {*map(key, hand.added)} or bool(machine) and key(tag) not in machine
    source = "trigger" if key(tag) in triggers else "hand" if by_hand else "machine"
    return {
        "tag": tag,
        "name": scores.name(tag),
        "score": scores.score(tag),
        "second": scores.by_second(tag),
        "threshold": scores.threshold(tag),
        "source": source,
        "group": "trigger" if source == "trigger" else group_of(tag),
    }


def _removed(values: dict[str, Any], entry: Entry, scores: _Scores, text: str) -> Iterator[dict[str, Any]]:
    there = {*map(key, items(text))}
    why: dict[str, tuple[str, str]] = {}
    for tag in entry.hand.removed:
        why.setdefault(key(tag), (tag, "hand"))
    for each in values["removed"] or ():
        why.setdefault(key(each["name"]), (each["name"], each["why"]))
    for name in scores.nearly(there | why.keys()):
        why.setdefault(key(name), (name, "threshold"))
    for name, (tag, reason) in why.items():
        if name not in there:
            yield {
                "tag": tag if reason == "hand" else scores.spelt(tag),
                "name": scores.name(tag) or tag,
                "why": reason,
                "why_text": WHY.get(reason, reason),
                "score": scores.score(tag),
                "second": scores.by_second(tag),
                "threshold": scores.threshold(tag),
            }


def _made(item: Item, values: dict[str, Any]) -> dict[str, Any]:
    accepted = item.by_prep == "kept"
    return {
        "kind": item.origin,
        "manner": item.manner,
        "generator": values["generator"],
        "prompt": values["prompt"],
        "negative": values["negative_prompt"],
        "seed": values["seed"],
        "sampler": values["sampler"],
        "steps": values["steps"],
        "guidance": values["guidance_scale"],
        "strength": values["strength"],
        "asked": values["asked"] or [],
        "changes": values["changes"] or [],
        "missing": values["check_missing"] or [],
        "unwanted": values["check_unwanted"] or [],
        "witnesses": [*_witnesses(item, values, accepted)] if is_drawn(item.origin) else [],
    }


def _witnesses(item: Item, values: dict[str, Any], accepted: bool) -> Iterable[dict[str, Any]]:
    blamed = {"damaged": "damage", "another_character": "identity", "copy": "copy"}
    against = None if accepted else blamed.get(item.why or "", "tags")
    for name, measure in (
        ("tags", item.score), ("identity", values["check_identity"]), ("damage", values["check_damage"]),
    ):  # fmt: skip
        verdict = "not measured" if measure is None else "rejected" if name == against else "accepted"
        yield {"name": name, "measure": measure, "verdict": verdict,
               "why": (item.why or "") if name == against else ""}  # fmt: skip
    if against == "copy":
        yield {"name": "copy", "measure": None, "verdict": "rejected", "why": "nearly the same picture as its parent"}


def _near(board: Board, item: Item) -> list[Item]:
    """Near copies of a real picture, whichever of them was found first."""
    return [
        other
        for other in board.items
        if other is not item
        and other.character == item.character
        and (other.near_of is not None and other.near_of in (item.image_id, item.near_of)
             or item.near_of is not None and other.image_id == item.near_of)
    ]  # fmt: skip
