"""Thresholds that would have agreed with the corrections of this set, and what they would do to all its captions."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from prep.edits.edits import Edits
from prep.edits.merge import is_tag_list, items, key
from prep.edits.own_settings import setting
from prep.names import underscored
from prep.options import LEVELS
from prep.review.asked import Threshold
from prep.review.items import Item
from prep.review.next_run import Foreseen
from prep.review.session import Session
from prep.review.steering import change_settings, foresight
from prep.sections import Settings
from prep.tagging.corrections import LEAST, Case, Proposal, proposals
from prep.web.refused import Refused

TAGS = ("thresholds", "tags")
EXAMPLES = 8
HAS, LACKS = "in the caption", "not in the caption"


def proposals_of(session: Session) -> dict[str, Any]:
    found = session.next.wait()
    about: dict[str, Any] = {"least": LEAST, "corrected": 0, "proposals": [], "accepted": accepted(session)}
    if found is None:
        return about | {"note": session.next.why}
    if found.settings.thresholds.mode == "mcut":
        return about | {"note": "thresholds.mode is mcut: each picture has a threshold of its own, so none is proposed"}
    edited = [item for item in session.board.items if item.touched and item.captioned and is_tag_list(item.text)]
    by_hand = session.desk.look(lambda edits: [item for item in edited if _edited(edits, item)])
    by_hand = [item for item in by_hand if item.image_id in found.scores and item.level]
    if not by_hand:
        return about | {"note": "no caption was corrected yet"}
    made = proposals((case for item in by_hand for case in _cases(found, item)), _now(found))
    scores = _Scores(session, found) if made else None
    return about | {
        "corrected": len(by_hand),
        "proposals": [_told(each, found, scores) for each in made],
        "note": "" if made else f"no tag was corrected in one direction often enough (at least {LEAST} times)",
    }


def accepted(session: Session) -> list[dict[str, Any]]:
    """The thresholds of single tags in OUT/settings.toml."""
    found = setting(session.out, TAGS)
    rows = []
    for name, value in found.items() if isinstance(found, dict) else ():
        levels = value if isinstance(value, dict) else dict.fromkeys(LEVELS, value)
        rows += [{"name": name, "tag": name.replace("_", " "), "level": level, "value": each}
                 for level, each in levels.items()]  # fmt: skip
    return rows


def accept_threshold(session: Session, sent: Threshold) -> dict[str, Any]:
    """Write a tag's threshold at one level into OUT/settings.toml, or take it out. Raises Refused."""
    found = foresight(session)
    name = underscored(sent.name)
    if name not in {underscored(each) for each in found.known}:
        raise Refused(422, f"{sent.name!r} is not a tag of the tagger", "load the page again")
    table = setting(session.out, TAGS)
    spelt = next((each for each in table or {} if underscored(each) == name), name)
    now = (table or {}).get(spelt)
    levels = dict(now) if isinstance(now, dict) else {} if now is None else dict.fromkeys(LEVELS, now)
    levels |= {sent.level: sent.value}
    levels = {level: value for level, value in levels.items() if value is not None}

    def change(settings: Settings) -> Settings:
        tags = dict(settings.thresholds.tags)
        own = {level: value for level, value in tags.pop(name, {}).items() if level != sent.level}
        if own | levels:
            tags[name] = own | levels
        return settings.model_copy(update={"thresholds": settings.thresholds.model_copy(update={"tags": tags})})

    return change_settings(session, found, {(*TAGS, spelt): levels or None}, change, sent.dry)


def _edited(edits: Edits, item: Item) -> bool:
    return edits.decisions.entry(item.picture).hand.person is not None


def _cases(found: Foreseen, item: Item) -> Iterator[Case]:
    """What the picture says about each tag that a threshold decides on: none that the filter or a trait takes out."""
    composer, scores = found.composer, found.scores[item.image_id]
    there = {*map(key, items(item.text))}
    names, categories = scores.vocabulary.names, scores.vocabulary.categories
    profile = found.profile_of(item.picture.rpartition("/")[0], item.variant)
    caption = composer.caption(scores, item.level, profile) if profile else None
    out = {gone.name for gone in caption.removed} if caption else set()
    known: set[str] = set()
    for at, score in zip(scores.index.tolist(), scores.score.astype(np.float32).tolist(), strict=True):
        name = names[at]
        if categories[at] != "rating" and name not in out and not composer.drops(name):
            known.add(key(name))
            yield Case(name, item.level, score, key(composer.caption_text(name)) in there)
    for name in _unscored(found, there - known):
        yield Case(name, item.level, 0.0, True)


def _unscored(found: Foreseen, there: set[str]) -> Iterator[str]:
    """Of the tags in a caption, the names of those that the tagger knows."""
    return (name for name in found.known if key(found.composer.caption_text(name)) in there) if there else iter(())


def _now(found: Foreseen) -> Callable[[str, str], float]:
    selector = found.composer.selector

    def now(tag: str, level: str) -> float:
        own = selector.own_threshold(tag, level)
        return selector.threshold(None, level) if own is None else own

    return now


class _Scores:
    """The scores of all pictures that have a caption, in columns."""

    def __init__(self, session: Session, found: Foreseen) -> None:
        self.items = [
            item for item in session.board.items if item.captioned and item.level and item.image_id in found.scores
        ]
        self.index, self.values, sizes = found.scores.flat([item.image_id for item in self.items])
        self.of = np.repeat(np.arange(len(self.items)), sizes)
        self.levels = np.array([LEVELS.index(item.level) for item in self.items])
        self.places = {name: at for at, name in enumerate(found.scores.vocabulary.names)}

    def changed(self, each: Proposal) -> tuple[list[tuple[Item, float]], list[tuple[Item, float]]]:
        """(pictures that the tag comes to, pictures that it leaves), each with its score."""
        mine = (self.index == self.places[each.tag]) & (self.levels[self.of] == LEVELS.index(each.level))
        had, has = (self.values >= np.float32(threshold) for threshold in (each.now, each.proposed))
        return tuple(
            [(self.items[self.of[at]], float(self.values[at])) for at in np.flatnonzero(mine & differs)]
            for differs in (has & ~had, had & ~has)
        )


def _told(each: Proposal, found: Foreseen, scores: _Scores) -> dict[str, Any]:
    come, go = scores.changed(each)
    examples = [(item, score, LACKS, HAS) for item, score in come] + [(item, score, HAS, LACKS) for item, score in go]
    return {
        "name": each.tag,
        "tag": found.composer.caption_text(each.tag),
        "level": each.level,
        "now": round(each.now, 4),
        "proposed": each.proposed,
        "cases": each.cases,
        "corrections": each.corrections,
        "agree_now": each.agree_now,
        "agree_then": each.agree_then,
        "bound": round(each.bound, 3),
        "pooled": each.pooled,
        "adds": len(come),
        "removes": len(go),
        "examples": [
            {"id": item.id, "name": item.name, "score": round(score, 4), "before": before, "after": after}
            for item, score, before, after in examples[:EXAMPLES]
        ],
    }
