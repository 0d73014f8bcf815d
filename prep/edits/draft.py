"""A caption in a form, before its sentence is there: its list of tags with the user's changes, and what is to be said.

The one road from a list to a text: for a run, and for a finished set in another form. No file, no ledger.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from prep.captions.forms import Form, Item, form_of, parts_of, worded
from prep.edits.in_form import counts, is_anew, tag_names
from prep.edits.merge import Hand, items, key
from prep.types import ToDescribe


@dataclass(frozen=True)
class Draft:
    """A caption whose text is to be made."""

    hand: Hand
    listed: str
    triggers: tuple[str, ...]  # those that the list has
    tags: tuple[Item, ...]  # the others
    rating: str | None
    own: bool  # whether the sentence is the user's
    what: ToDescribe | None  # None: no sentence is to be written

    def text(self, base: str, sentence: str) -> str:
        """The text of the file, in the form for this base model. To the letter as it is, if the user wrote its sentence
        and its tags are the same.
        """
        hand, here = self.hand, self.own and self.hand.form == base
        if here and hand.text == self.listed and hand.whole is not None:
            return hand.whole
        form = form_of(base)
        parts = parts_of(form, self.triggers, self.tags, self.rating, sentence, hand.removed)
        return worded(form, parts, self.triggers, as_it_is=here)


def draft_of(
    hand: Hand,
    listed: str,
    words: Collection[str],
    form: Form,
    categories: Mapping[str, str],
    rating: str | None,
    dropped: Collection[str] = (),
) -> Draft | None:
    """listed: the tags with the user's changes. words: the trigger words that may be among them. categories: of tags,
    by their key. dropped: names that prep took out, and that a sentence must not say.

    None: the caption stays as it is: written anew, or emptied.
    """
    if is_anew(hand, listed) or not listed.strip():
        return None
    names = {*map(key, words)}
    there = items(listed)
    triggers = tuple(item for item in there if key(item) in names)
    tags = tuple(Item(item, categories.get(key(item), "general")) for item in there if key(item) not in names)
    own = hand.own and counts(form, hand.sentence)
    what = None
    if "sentence" in form.parts and not own:
        said = tuple(tag_names([item.text for item in tags], ()))
        what = ToDescribe(said, frozenset(dropped).difference(said), triggers, form.length)
    return Draft(hand, listed, triggers, tags, rating, own, what)
