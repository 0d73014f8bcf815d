"""Which threshold of a tag would have agreed with a person more often, from the captions that the person corrected.

Each tag is looked at by itself, first at each level by itself. Where the cases of a level do not suffice, it follows
the shift that all levels of the tag together ask for, if its own cases then agree more often. Nothing here knows a
picture, a file or a caption.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import floor
from typing import NamedTuple

import numpy as np

from prep.options import LEVELS
from prep.tagging.wilson import wilson_lower

# In the simulation of benchmarks/bench_corrections.py (60 of 200 pictures corrected) each step from 8 down to 4 saves
# about three corrections for each tag that it makes wrong; the step from 4 to 3 saves only two.
LEAST = 4


class Case(NamedTuple):
    """What one corrected picture says about one tag."""

    tag: str  # spelled alike in all cases
    level: str
    score: float  # 0-1; 0 under the tagger's floor, where no threshold reaches it
    wanted: bool  # the caption has the tag as the person left it


class Proposal(NamedTuple):
    """Another threshold of a tag at one level, and what speaks for it. Counts are numbers of cases at this level."""

    tag: str
    level: str
    now: float
    proposed: float
    cases: int
    corrections: int  # the person decided against the present threshold
    agree_now: int
    agree_then: int
    bound: float  # lower Wilson bound of agreement with the person, among the cases that the proposal changes
    pooled: bool = False  # this level's cases alone do not suffice: `bound` is of all levels of the tag together


def proposals(cases: Iterable[Case], now: Callable[[str, str], float], least: int = LEAST) -> list[Proposal]:
    """now: (tag, level) -> its present threshold, of all pictures at that level (mode `mcut` has none).

    least: so many corrections of a tag are needed, at the level or, pooled, at all of them. Proposals that gain most
    cases come first. The order of the cases does not matter.
    """
    by_tag: dict[str, dict[str, list[Case]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        by_tag[case.tag][case.level].append(case)
    found = []
    for tag, by_level in by_tag.items():
        groups = [_group(level, now(tag, level), by_level[level]) for level in LEVELS if level in by_level]
        found += _of_tag(tag, groups, least)
    return sorted(found, key=lambda each: (each.agree_now - each.agree_then, each.tag, LEVELS.index(each.level)))


@dataclass(frozen=True)
class _Group:
    """The cases of a tag at one level."""

    level: str
    now: float
    score: np.ndarray  # float32 [N], as a Selector compares them
    wanted: np.ndarray  # bool [N]

    @property
    def corrections(self) -> int:
        return int(np.count_nonzero(self.passed(self.now) != self.wanted))

    @property
    def above(self) -> np.ndarray:
        """float64 [N]: score minus present threshold; -inf where no threshold reaches it."""
        return np.where(self.score > 0, self.score - np.float64(np.float32(self.now)), -np.inf)

    def passed(self, threshold: float) -> np.ndarray:
        """bool [N]. A score under the floor is not kept, and so passes no threshold."""
        return (self.score >= np.float32(threshold)) & (self.score > 0)

    def shifted(self, shift: float) -> float:
        """The present threshold plus this, with as few decimals as keep all decisions, but at least two."""
        exact = float(np.float32(self.now)) + shift
        for decimals in range(2, 8):
            for near in (round(exact, decimals), floor(exact * 10**decimals) / 10**decimals):
                if np.array_equal(self.passed(near), self.passed(exact)):
                    return near
        return exact


def _group(level: str, now: float, cases: Sequence[Case]) -> _Group:
    scores, wanted = [case.score for case in cases], [case.wanted for case in cases]
    return _Group(level, now, np.array(scores, np.float32), np.array(wanted, bool))


def _of_tag(tag: str, groups: list[_Group], least: int) -> Iterator[Proposal]:
    together = _shift(groups, least)
    for group in groups:
        alone = _shift([group], least)
        if not (alone or together):
            continue
        shift, bound = alone or together
        proposed = group.shifted(shift)
        agree_now = len(group.score) - group.corrections
        agree_then = int(np.count_nonzero(group.passed(proposed) == group.wanted))
        if 0 < proposed <= 1 and agree_then > agree_now:
            yield Proposal(tag, group.level, group.now, proposed, len(group.score), group.corrections,
                           agree_now, agree_then, bound, not alone)  # fmt: skip


def _shift(groups: Sequence[_Group], least: int) -> tuple[float, float] | None:
    """What to add to the present thresholds, and the lower bound of agreement among the cases that this changes.

    None for too few corrections, or if the bound is not above one half. None also where even the tags that still pass
    are not mostly wanted: then no threshold is right, and the filter is the place for such a tag.
    """
    if sum(group.corrections for group in groups) < least:
        return None
    wanted = np.concatenate([group.wanted for group in groups])
    shift = _nearest_best(np.concatenate([group.above for group in groups]), wanted)
    had = np.concatenate([group.passed(group.now) for group in groups])
    has = np.concatenate([group.passed(group.shifted(shift)) for group in groups])
    bound, still = _bound(has == wanted, has != had), _bound(wanted, has)
    return (shift, bound) if bound > 0.5 and still > 0.5 else None


def _bound(right: np.ndarray, among: np.ndarray) -> float:
    return wilson_lower(int(np.count_nonzero(right & among)), int(np.count_nonzero(among)))


def _nearest_best(above: np.ndarray, wanted: np.ndarray) -> float:
    """Of the shifts that agree with the person most often, the smallest; 0 if the present thresholds are among them.

    above: float64 [N], score minus present threshold; wanted: bool [N].
    """
    steps, place = np.unique(above, return_inverse=True)
    # With a cut below each step, or above all of them: [S + 1].
    wanted_above = np.append(np.bincount(place, wanted)[::-1].cumsum()[::-1], 0)
    unwanted_below = np.append(0, np.bincount(place, ~wanted).cumsum())
    agree = wanted_above + unwanted_below
    if np.isneginf(steps[0]):
        agree[0] = -1
    best = np.flatnonzero(agree == agree.max()).tolist()
    if int(np.searchsorted(steps, 0)) in best:
        return 0.0
    return min((_between(steps, cut) for cut in best), key=lambda shift: (abs(shift), shift))


def _between(steps: np.ndarray, cut: int) -> float:
    """The middle of the gap below the step `cut`; at either end, where there is no gap, beside the last step."""
    if cut == len(steps):
        return float(np.nextafter(np.float32(steps[-1]), np.float32(np.inf)))
    high = float(steps[cut])
    return (float(steps[cut - 1]) + high) / 2 if cut and np.isfinite(steps[cut - 1]) else high
