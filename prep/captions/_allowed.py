"""What a sentence may say, as the guard keeps it: nouns with their adjectives, phrases, people; words in one form."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from prep.captions import faithful_words as said
from prep.captions import sentence_words as words
from prep.captions._verbs import plain_form, third_person

ARTICLES = frozenset("a an the some this these".split())
DETERMINERS = ARTICLES | frozenset("his her their its own".split())
TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|\S")
PLACED = words.BODY | words.CLOTHES | frozenset("neck waist hip arm wrist thigh head ankle chest hand".split())


class Phrase(NamedTuple):
    """Words in this order. In a text, articles and possessives may be between them."""

    words: tuple[str, ...]
    kind: str
    tags: frozenset[str]


@dataclass
class Head:
    """A noun that tags name, in one spelling."""

    kinds: set[str] = field(default_factory=set)
    modifiers: set[str] = field(default_factory=set)
    tags: list[tuple[frozenset[str], str]] = field(default_factory=list)  # (modifiers, tag)
    bare: bool = False  # a tag is this noun alone
    by_kind: dict[str, set[str]] = field(default_factory=dict)  # the modifiers that a kind has by its own tags

    def joined(self, known: set[str] | frozenset[str]) -> bool:
        """Whether these adjectives may be said of one thing. Of a black cat and a white one they may not."""
        if any(known <= modifiers for modifiers, _ in self.tags):
            return True
        colours = {modifiers for modifiers, _ in self.tags if modifiers & words.COLOURS}
        places = {modifiers for modifiers, _ in self.tags if modifiers & PLACED}
        is_one = self.kinds & {"body", "background", "sky", "face"}  # black and white hair
        return len(places) < 2 and bool(is_one or len(colours) < 2 and self.kinds != {"thing"})

    def kinds_with(self, known: set[str] | frozenset[str]) -> set[str]:
        """What it is with these adjectives: a hat is worn, and an unworn hat is a thing."""
        return {kind for kind in self.kinds if known <= self.by_kind.get(kind, set())}


@dataclass
class Licences:
    tags: tuple[str, ...]
    heads: dict[str, Head] = field(default_factory=dict)
    phrases: list[Phrase] = field(default_factory=list)
    people: list[tuple[str, ...]] = field(default_factory=list)  # without articles, as `girl` or `two girls`
    definite: list[tuple[str, ...]] = field(default_factory=list)  # behind `the`, once they are named
    pronouns: frozenset[str] = frozenset(("they",))
    possessives: frozenset[str] = frozenset(("their",))
    alone: bool = True  # at most one person
    mixed: bool = False  # people of several kinds
    counted: frozenset[str] = frozenset()  # tags that the people say
    roles: dict[tuple[str, ...], str] = field(default_factory=dict)  # a nurse, an android: what stands for the person
    modifiers: set[str] = field(default_factory=set)  # of all nouns
    known: set[str] = field(default_factory=set)  # all words that tags allow, for the reason

    @property
    def determiners(self) -> frozenset[str]:
        """What may stand before a noun: articles, and the possessives of these people."""
        return ARTICLES | self.possessives | {"own"}

    @property
    def pronoun(self) -> str:
        return next((each for each in ("she", "he") if each in self.pronouns), "they")

    def by_first(self) -> dict[str, list[Phrase]]:
        found: dict[str, list[Phrase]] = {}
        for phrase in self.phrases:
            for form in forms(phrase.words[0]):
                found.setdefault(form, []).append(phrase)
        return found


def tokens_of(text: str) -> list[str]:
    """Lower case, in one spelling."""
    found = [alike(token) for token in TOKEN.findall(text.lower().replace("’", "'"))]
    apart = {"she's": ("she", "is"), "he's": ("he", "is"), "it's": ("it", "is"), "there's": ("there", "is")}
    apart |= {"they're": ("they", "are"), "who's": ("who", "is")}
    return [each for token in found for each in apart.get(token, (token,))]


def alike(word: str) -> str:
    return said.ALIKE.get(word, word)


def is_verb(word: str) -> bool:
    return word in said.VERBS_TOO or word.endswith("ing") and len(word) > 4 and word not in words.NOT_DOING


def forms(word: str) -> tuple[str, ...]:
    """A word as a phrase has it; of a verb also `smile` and `smiles` for `smiling`."""
    if not is_verb(word) or not word.endswith("ing"):
        return (word,)
    plain = plain_form(word)
    return word, plain, third_person(plain)


def matches(text: str, wanted: str) -> bool:
    """Whether a word of the text is the one that a phrase wants; only verbs may have another form."""
    return text in forms(wanted)
