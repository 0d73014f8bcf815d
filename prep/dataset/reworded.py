"""A finished set with its captions in another form: from what was read and decided, as it is kept. No model.

The user's changes are read from kohya/ first, and merged by tag as in a run; a sentence that the user wrote is kept.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from prep.captions.forms import Form, Item, form_of, parts_of, worded
from prep.dataset.finished import FinishedSet, Picture
from prep.dataset.opened import Set
from prep.edits.decisions import Decisions
from prep.edits.in_form import counts, is_anew, tag_names
from prep.edits.merge import Hand, is_tag_list, items, key
from prep.edits.sidecar import absorb
from prep.ledger import Ledger
from prep.types import ToDescribe, trains

COLUMNS = ["tags", "removed", "rating"]


@dataclass(frozen=True)
class ToReword:
    """A picture whose caption gets a sentence."""

    picture: Picture
    what: ToDescribe


# What writes the sentences: each for one of those given, in their order.
Writer = Callable[[Sequence[ToReword]], Sequence[str]]


def reworded(found: FinishedSet, base: str, ledger: Ledger, write: Writer) -> FinishedSet:
    """The set with its captions in the form for this base model. A caption that the user wrote anew stays as it is."""
    form, decisions = form_of(base), Decisions(ledger)
    rows = {
        row["picture"]: row
        for row in Set(found.out, ledger).rows(lambda row: trains(row["origin"], row["status"]), COLUMNS)
    }
    drafts: dict[Picture, _Draft] = {}
    for picture in found.pictures:
        name = f"{picture.character}/{picture.image_id}"
        hand = absorb(decisions.entry(name), picture.caption, None).hand
        if draft := _draft(picture, hand, rows.get(name, {}), form):
            drafts[picture] = draft
    asked = [ToReword(picture, draft.what) for picture, draft in drafts.items() if draft.what]
    said = {each.picture: text for each, text in zip(asked, write(asked) if asked else (), strict=True)}
    groups = tuple(
        replace(
            group,
            pictures=tuple(
                replace(each, caption=drafts[each].text(form, said.get(each, ""))) if each in drafts else each
                for each in group.pictures
            ),
        )
        for group in found.groups
    )
    return replace(found, groups=groups, base=base)


@dataclass(frozen=True)
class _Draft:
    hand: Hand
    triggers: tuple[str, ...]
    tags: tuple[Item, ...]
    rating: str | None
    what: ToDescribe | None  # None: no sentence is to be written

    def text(self, form: Form, sentence: str) -> str:
        own = self.hand.own and counts(form, self.hand.sentence)
        said = self.hand.sentence if own else sentence
        parts = parts_of(form, self.triggers, self.tags, self.rating, said, self.hand.removed)
        return worded(form, parts, self.triggers)


def _draft(picture: Picture, hand: Hand, row: Mapping[str, Any], form: Form) -> _Draft | None:
    """None: the caption stays as it is: written anew, or emptied."""
    text = picture.caption if not hand.machine or hand.text is None else hand.text
    if is_anew(hand, text) or not text.strip() or not hand.form and not is_tag_list(text):
        return None
    words = {*map(key, hand.machine[: hand.triggers])}
    listed = items(text)
    triggers = tuple(item for item in listed if key(item) in words)
    categories = {key(tag["name"]): tag["category"] for tag in row.get("tags") or ()}
    tags = tuple(Item(item, categories.get(key(item), "general")) for item in listed if key(item) not in words)
    what = None
    if "sentence" in form.parts and not (hand.own and counts(form, hand.sentence)):
        names = tuple(tag_names([item.text for item in tags], ()))
        gone = {each["name"] for each in row.get("removed") or () if each["why"] in ("trait", "settings")}
        what = ToDescribe(names, frozenset(gone.difference(names)), triggers, form.length)
    return _Draft(hand, triggers, tags, row.get("rating"), what)
