"""The trigger words of a set: whether captions that are not about the character have them, too. Opens no file."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from prep.lint.findings import Found, Rules
from prep.names import alike_words, printable, quantity

RULES = Rules(": ")
TAG_LETTERS = 60  # longer items do not recur
PEOPLE = re.compile(r"solo|\d+\+? ?(girl|boy|other)s?|multiple (girls|boys|others)|no humans")


@dataclass(frozen=True)
class Triggers:
    """All folders of a set."""

    shown: str
    names: frozenset[str]  # the class_tokens of all of them, alike
    words: dict[str, str] = field(default_factory=dict)  # folder -> its class_tokens, or empty
    items: dict[str, Counter[str]] = field(default_factory=dict)  # folder -> those names -> its captions that have them

    def add(self, folder: str, word: str) -> None:
        self.words[folder], self.items[folder] = word, Counter()

    def read(self, folder: str, text: str) -> None:
        """text: a caption as sd-scripts reads it."""
        if len(self.names) > 1:  # else no other folder has a name of its own
            self.items[folder].update(self.names.intersection(map(_alike, text.split(","))))


@RULES.rule(
    "trigger-tag",
    "note",
    "class_tokens that are also a tag: a number of people, or a tag in the captions of another folder",
    "the word means both: it is learnt from pictures without the character, or it changes what the tag means",
    "choose a word that no tag has, such as a made-up name, in class_tokens and in the captions",
)
def trigger_tag(triggers: Triggers) -> Iterator[Found]:
    for folder, word in triggers.words.items():
        name = alike_words(word)
        if not name:
            continue
        if PEOPLE.fullmatch(name):
            yield Found(f"{printable(word)!r} is the tag for a number of people", folder)
            continue
        others = {
            other: triggers.items[other][name]
            for other, theirs in triggers.words.items()
            if theirs and _alike(theirs) != name
        }
        if count := sum(others.values()):
            where = next(other for other, found in others.items() if found)
            have = "has" if count == 1 else "have"
            what = f"{quantity(count, 'caption')} of other folders {have} {printable(word)!r}, as in {where}"
            yield Found(what, folder)


def _alike(words: str) -> str:
    """Quickly where they recur, as the tags of a set do."""
    return _alike_before(words) if len(words) <= TAG_LETTERS else alike_words(words)


_alike_before = lru_cache(10_000)(alike_words)
