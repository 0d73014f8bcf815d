"""Reading a sentence word by word, by what tags allow: each word must belong to an allowed phrase or join two of them.

Several readings are followed at once; each is a State. One that reaches the end means that all is allowed.
"""

from collections.abc import Iterator
from typing import NamedTuple

from prep.captions._allowed import Licences, Phrase
from prep.captions._read_clauses import joints, people, verbs
from prep.captions._read_nouns import adjectives, nouns
from prep.captions._read_phrases import whole_phrases
from prep.captions._state import NOBODY, State, Step


class Reading(NamedTuple):
    whole: bool
    said: frozenset[str]  # tags
    at: int  # the first word that no reading gets past


def read(tokens: list[str], allowed: Licences) -> Reading:
    phrases = allowed.by_first()
    reached: list[dict[State, frozenset[str]]] = [{} for _ in range(len(tokens) + 1)]
    reached[0][State()] = NOBODY
    furthest = 0
    for at in range(len(tokens)):
        for state, said in reached[at].items():
            for to, following, more in _steps(tokens, at, state, allowed, phrases):
                found = said | more
                if len(found) >= len(reached[to].get(following, NOBODY)):
                    reached[to][following] = found
                furthest = max(furthest, to)
    ends = [said for state, said in reached[-1].items() if state.governs == "start"]  # behind a full stop
    return Reading(bool(ends), max(ends, key=len, default=NOBODY), furthest)


def _steps(
    tokens: list[str], at: int, state: State, allowed: Licences, phrases: dict[str, list[Phrase]]
) -> Iterator[Step]:
    if not state.needs:
        yield from joints(tokens, at, state, allowed)
    yield from people(tokens, at, state, allowed)
    yield from verbs(tokens, at, state, allowed)
    yield from nouns(tokens, at, state, allowed)
    yield from adjectives(tokens, at, state, allowed)
    yield from whole_phrases(tokens, at, state, allowed, phrases)
