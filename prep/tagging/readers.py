"""Two readers of one picture: what both say, what either says, and where they disagree.

Tags are compared by name. Nothing here has seen an image, or knows what a caption is.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np

from prep.names import underscored
from prep.options import LEVELS
from prep.tagging.people import PEOPLE
from prep.tagging.thresholds import Selector
from prep.types import TagScores, Vocabulary


class Shown(NamedTuple):
    """Tags that passed their thresholds in some pictures: one entry per tag of a picture."""

    picture: np.ndarray  # int [K], a number for each picture
    tag: np.ndarray  # int [K], into a vocabulary, or into Readers.names
    score: np.ndarray  # float32 [K]

    def where(self, chosen: np.ndarray) -> "Shown":
        """chosen: bool [K], or int places."""
        return Shown(self.picture[chosen], self.tag[chosen], self.score[chosen])


class Disagreement(NamedTuple):
    """A tag that both readers know, and that one of them saw: with the score of each, 0 for one below the floor."""

    name: str  # as the first spells it
    first: float
    second: float
    apart: float  # how far the two are apart, each measured from its own threshold


def spelt_alike(second: Vocabulary, first: Vocabulary) -> Vocabulary:
    """The second's vocabulary, with the first's spelling of each tag that both have. This alone compares names."""
    general = zip(first.names, first.categories, strict=True)
    known = {underscored(name): name for name, category in general if category != "rating"}
    names = []
    for name, category in zip(second.names, second.categories, strict=True):
        # Taken out: a tag that the second has in two spellings is the first's once.
        names.append(name if category == "rating" else known.pop(underscored(name), name))
    return replace(second, names=tuple(names))


@dataclass(frozen=True)
class Readers:
    """A first and a second reader, and by which rule their tags become one list."""

    first: Selector
    second: Selector  # of a vocabulary from spelt_alike
    rule: str  # first | agreement | union
    against: Callable[[str], frozenset[str]]  # the tags that exclude this one
    groups: tuple[frozenset[str], ...] = ()  # what `against` follows from

    @property
    def made_of(self) -> tuple[Any, ...]:
        """Plain data that `together` follows from, besides the first's part."""
        words = self.second.vocabulary
        chosen = self.second.settings, self.second.overrides
        return self.rule, words.names, words.categories, words.thresholds, *chosen, sorted(map(sorted, self.groups))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The first's tags, then the second's. One that both know is known by its first place."""
        return self.first.vocabulary.names + self.second.vocabulary.names

    @cached_property
    def categories(self) -> tuple[str, ...]:
        return self.first.vocabulary.categories + self.second.vocabulary.categories

    @cached_property
    def places(self) -> np.ndarray:
        """int64 [T]: where each tag of the second is among `names`."""
        words, own = self.second.vocabulary, len(self.first.vocabulary.names)
        known = self._of_first
        ratings = self.second.ratings.tolist()
        found = [own + at if ratings[at] else known.get(name, own + at) for at, name in enumerate(words.names)]
        return np.array(found, np.int64)

    @cached_property
    def _of_first(self) -> dict[str, int]:
        """Name -> its place, of all that are no ratings."""
        ratings = self.first.ratings.tolist()
        return {name: at for at, name in enumerate(self.first.vocabulary.names) if not ratings[at]}

    @cached_property
    def _of_second(self) -> dict[int, int]:
        """Place among `names` -> place in the second's vocabulary, of tags that both know."""
        own = len(self.first.vocabulary.names)
        return {place: at for at, place in enumerate(self.places.tolist()) if place < own}

    @cached_property
    def _first_alone(self) -> np.ndarray:
        """bool [T of both]: tags that agreement leaves to the first: people, and what the second does not know."""
        return np.array(
            [at not in self._of_second or bool(PEOPLE.match(name)) for at, name in enumerate(self.names)], bool
        )

    def together(self, first: Shown, second: Shown, read: np.ndarray) -> Shown:
        """What the rule makes of both. second: its tags are places in its own vocabulary. read: bool, by a picture's
        number, whether the second has read it; where it has not, the first's word counts alone.

        -> its tags are places in `names`.
        """
        if self.rule == "first":
            return first
        second = second._replace(tag=self.places[second.tag])
        keys, others = (each.picture.astype(np.int64) * len(self.names) + each.tag for each in (first, second))
        if self.rule == "agreement":
            return first.where(self._first_alone[first.tag] | np.isin(keys, others) | ~read[first.picture])
        return self._united(first, second, keys, others)

    def _united(self, first: Shown, second: Shown, keys: np.ndarray, others: np.ndarray) -> Shown:
        """Either; a tag that excludes one of the first's is left out. The score is the larger one."""
        order = np.argsort(keys)
        at = np.searchsorted(keys, others, sorter=order)
        same = order[np.minimum(at, len(keys) - 1)] if len(keys) else at
        both = np.isin(others, keys)
        score = first.score.copy()
        np.maximum.at(score, same[both], second.score[both])
        more = second.where(~both)
        more = more.where(~self._excluded(first, more))
        return Shown(*(np.concatenate(pair) for pair in zip(first._replace(score=score), more, strict=True)))

    def _excluded(self, first: Shown, more: Shown) -> np.ndarray:
        """bool [K of more]: whether the first saw a tag in the same picture that cannot be there as well."""
        found = np.zeros(len(more.tag), bool)
        for tag in np.unique(more.tag).tolist():
            if len(excluding := self._excluding(tag)):
                pictures = first.picture[np.isin(first.tag, excluding)]
                found |= (more.tag == tag) & np.isin(more.picture, pictures)
        return found

    @cached_property
    def _excluding(self) -> Callable[[int], np.ndarray]:
        """A tag's place among `names` -> places of the first's tags that exclude it, or that it excludes."""
        excluded: dict[str, list[int]] = {}
        for name, place in self._of_first.items():
            for other in self.against(name):
                excluded.setdefault(other, []).append(place)

        def excluding(tag: int) -> np.ndarray:
            name = self.names[tag]
            own = [self._of_first[other] for other in self.against(name) if other in self._of_first]
            return np.array(sorted({*own, *excluded.get(name, ())}), np.int64)

        return cache(excluding)

    @cached_property
    def _seconds_place(self) -> np.ndarray:
        """int64 [T of the first]: where the second has each of its tags; -1: it does not know it."""
        found = np.full(len(self.first.vocabulary.names), -1, np.int64)
        found[[*self._of_second]] = [*self._of_second.values()]
        return found

    def disagreements(self, scores: TagScores, level: str) -> list[Disagreement]:
        """Tags that both know and one of them saw, in no order; none if the second has not read the picture. Never
        ratings.
        """
        if scores.second is None:
            return []
        known, row = self._seconds_place, LEVELS.index(level)
        sides = []
        for selector, each, places in ((self.first, scores, None), (self.second, scores.second, self.places)):
            values, limit = each.score.astype(np.float32), np.float32(selector.threshold(each, level))
            saw = selector.passed(each.index, values, limit, row)
            place = each.index if places is None else places[each.index]
            shared = place < len(known)
            every = np.zeros(len(known), np.float32)
            every[place[shared]] = values[shared]
            sides.append((place[saw & shared], every, selector.own[row], limit))
        (one, first, own, limit), (other, second, others_own, others_limit) = sides
        differ = np.setxor1d(one, other)
        differ = differ[known[differ] >= 0]
        limits = _or(own[differ], limit), _or(others_own[known[differ]], others_limit)
        apart = np.abs((first[differ] - limits[0]) - (second[differ] - limits[1]))
        columns = (each.tolist() for each in (differ, first[differ], second[differ], apart))
        return [Disagreement(self.names[place], *numbers) for place, *numbers in zip(*columns, strict=True)]


def _or(own: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """A tag's own threshold where it has one."""
    return np.where(np.isnan(own), threshold, own)


def strongest_first(found: Iterable[Disagreement]) -> list[Disagreement]:
    return sorted(found, key=lambda each: (-each.apart, each.name))
