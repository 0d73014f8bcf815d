"""Thresholds that would have agreed with the corrections of this set, and what they would do to all its captions."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from prep.edits.actions import THRESHOLDS
from prep.edits.edits import Edits
from prep.edits.merge import is_tag_list, items, key
from prep.edits.own_settings import found_in, read_settings
from prep.names import underscored
from prep.options import LEVELS
from prep.review.asked import Threshold
from prep.review.items import Item
from prep.review.next_run import Foreseen
from prep.review.session import Session
from prep.review.steering import change_settings, foresight
from prep.tagging.corrections import LEAST, Case, Proposal, proposals
from prep.web.refused import Refused

EXAMPLES = 8
SHOWN = 5  # tags in a note
HAS, LACKS = "in the caption", "not in the caption"


def proposals_of(session: Session) -> dict[str, Any]:
    found = session.next.fresh()
    about: dict[str, Any] = {"least": LEAST, "corrected": 0, "proposals": [], "accepted": accepted(session)}
    if found is None:
        return about | {"note": session.next.why}
    if found.settings.thresholds.mode == "mcut":
        return about | {"note": "thresholds.mode is mcut: each picture has a threshold of its own, so none is proposed"}
    edited = [item for item in session.board.items if item.touched and item.captioned and is_tag_list(_tags(item))]
    by_hand = session.desk.look(lambda edits: [item for item in edited if _edited(edits, item)])
    by_hand = [item for item in by_hand if item.image_id in found.scores and item.level]
    if not by_hand:
        return about | {"note": "no caption was corrected yet"}
    now = _now(found)
    cases = [case for item in by_hand for case in _cases(found, item)]
    made = proposals(cases, now)
    scores = _Scores(session, found) if made else None
    return about | {
        "corrected": len(by_hand),
        "proposals": [_told(each, found, scores) for each in made],
        "note": _note(found, cases, now, made),
    }


def _note(found: Foreseen, cases: list[Case], now: Callable[[str, str], float], made: list[Proposal]) -> str:
    """About tags that were corrected often, and for which nothing is proposed."""
    against = Counter(case.tag for case in cases if (case.score >= now(case.tag, case.level)) != case.wanted)
    often = [tag for tag, count in against.items() if count >= LEAST and tag not in {each.tag for each in made}]
    if often:
        names = ", ".join(map(found.composer.caption_text, often[:SHOWN])) + (", ..." if often[SHOWN:] else "")
        return f"no threshold would be right for {names}: a tag that you never want belongs into the filter"
    return "" if made else f"no tag was corrected often enough (at least {LEAST} times)"


def accepted(session: Session) -> list[dict[str, Any]]:
    """The thresholds of single tags in OUT/settings.toml."""
    found = found_in(read_settings(session.out), THRESHOLDS)
    rows = []
    for name, value in found.items() if isinstance(found, dict) else ():
        levels = value if isinstance(value, dict) else dict.fromkeys(LEVELS, value)
        rows += [{"name": name, "tag": name.replace("_", " "), "level": level, "value": each}
                 for level, each in levels.items()]  # fmt: skip
    return rows


def accept_threshold(session: Session, sent: Threshold) -> dict[str, Any]:
    """Write a tag's threshold at one level into OUT/settings.toml, or take it out. Raises Refused."""
    known = {underscored(each) for each in foresight(session).known}
    if underscored(sent.name) not in known:
        raise Refused(422, f"{sent.name!r} is not a tag of the tagger", "load the page again")
    action = {"do": "threshold", "tag": underscored(sent.name), "level": sent.level, "value": sent.value}

    def works(then: Foreseen) -> bool:
        found = then.settings.thresholds.tags.get(underscored(sent.name), {}).get(sent.level)
        return sent.value is None or found == sent.value

    return change_settings(session, action, sent.dry, works)


def _tags(item: Item) -> str:
    return item.text if item.listed is None else item.listed


def _edited(edits: Edits, item: Item) -> bool:
    return edits.decisions.entry(item.picture).hand.person is not None


def _cases(found: Foreseen, item: Item) -> Iterator[Case]:
    """What the picture says about each tag that a threshold decides on: none that the filter or a trait takes out."""
    composer, scores = found.composer, found.scores[item.image_id]
    there = {*map(key, items(_tags(item)))}
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
