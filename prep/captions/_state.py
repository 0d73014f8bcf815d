"""Where a reading of a sentence stands, and the words that join what the tags say."""

from typing import NamedTuple

from prep.captions._allowed import ARTICLES

BE = frozenset("is are was were being be".split())
HAVE = frozenset("has have having with".split())
WEAR = frozenset("wears wear wearing sports sporting".split())
HOLD = frozenset("holds hold holding".split())
UNDER, AGAINST = frozenset("under beneath below".split()), frozenset("against before on".split())
SHOWN = frozenset("shown seen visible viewed pictured framed depicted portrayed drawn present captured".split())
KEPT = frozenset("keeping keeps keep".split())
POSED = KEPT | frozenset("holding holds hold placing places putting puts has have having with".split())
TIED = frozenset("tied styled worn arranged done gathered set pulled put up back".split())
WHILE, AND, FREE = frozenset("while as and".split()), frozenset(("and", "but", "plus")), frozenset(("also", "too"))
INTRODUCING = ARTICLES | TIED | POSED | SHOWN | {"both"}
CLAUSES = frozenset(("start", "", "with", "wear", "hold", "in", "under", "mods", "be"))  # may end behind a comma
ACCEPTS = {
    "there": frozenset("worn body face thing sky background detail".split()) | {"place noun"},
    "with": frozenset("worn body face held thing sky background detail".split()),
    "wear": frozenset("worn face".split()),
    "in": frozenset(("worn", "place noun")),
    "hold": frozenset(("held",)),
    "under": frozenset(("sky",)),
    "against": frozenset(("background",)),
}
NOMINATIVE = frozenset("worn body face held sky background thing detail".split())  # may begin a clause
OF_A_PERSON = frozenset("worn body face".split())
VERBAL = frozenset("doing limb face state".split())
NOBODY: frozenset[str] = frozenset()


class State(NamedTuple):
    governs: str = "start"  # what the next noun depends on: with, wear, hold, ...; be, mods; empty: nothing
    needs: bool = False  # that word has no noun yet
    who: bool = False  # the clause is about the people
    about: frozenset[str] = NOBODY  # nouns that the clause is about: `her hair and eyes`
    last: str = ""  # the last noun, whose adjectives may follow
    fresh: bool = True  # behind a comma or `and`, or at the beginning
    named: bool = False  # the people have been named
    guest: bool = False  # the last noun is neither the people nor theirs: what follows might be about it
    hangs: bool = False  # `about` has no verb yet
    # Something was said of people that are still to be named: `smiling, a girl`. None: the sentence is about something
    # of theirs, so nobody need be named.
    owed: bool | None = False
    acts: bool = False  # somebody does something, and no comma came since: what follows would say where
    alien: bool = False  # the clause is about a thing, of which tags say no more than that it is there


Step = tuple[int, State, frozenset[str]]  # (the next word, where the reading then stands, the tags that were said)
