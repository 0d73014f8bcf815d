"""Which augmentations are tried: want after want until enough are accepted, and the next way after some rejections.

A pure function of the wants and of what is known of each picture, so that a resumed run tries what an uninterrupted one
would have tried.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prep.drawing.wants import Attempt, Want
from prep.sections import Settings
from prep.types import GenerationRequest, Profile

NEXT_WAY = frozenset({"copy", "contradiction", "damaged", "another_character"})  # after these, another way may succeed
ACCEPTED = ""
MOST_IDLE = 200  # wants in a row that can be drawn in no way: then none can
COMPOSITES = 3  # at most one in so many of a character's accepted augmentations is a composite
MOST_SHARE = 1.0  # accepted augmentations per real picture at most, unless augmentation.share is larger
PASSES = 4  # at most, until it is known which pictures the wants lead to
MOST_REJECTED = 4  # scenes: if none of so many was accepted, the model cannot draw empty ones, and none is asked for


@dataclass(frozen=True)
class Bounds:
    """How many augmentations of a character are wanted."""

    target: int  # accepted
    most: int  # accepted at most: those of the last round count, too
    tries: int  # drawn at most, scenes among them
    composites: int  # accepted composites at most


def bounds_of(profile: Profile, images: int, settings: Settings) -> Bounds:
    """How many augmentations of a character with so many real images are wanted."""
    asked = settings.augmentation
    most = math.ceil(max(MOST_SHARE, asked.share) * images)
    target = min(most, max(asked.least, math.ceil(asked.share * images)))
    # When the check cannot accept any, only as many are drawn as the user may want to look through.
    return Bounds(target, most, target * (asked.tries if profile.body else 1), target // COMPOSITES)


class Known:
    """The wants of a character. They are made only as far as they are asked for, and remembered."""

    def __init__(self, source: Iterator[Want]) -> None:
        self.source, self.found = source, []

    def part(self, start: int, count: int) -> Sequence[Want]:
        while len(self.found) < start + count and (want := next(self.source, None)) is not None:
            self.found.append(want)
        return self.found[start : start + count]


def tried(
    wants: Known, bounds: Bounds, before: frozenset[str], composites: int, fate: Callable[[str], str | None]
) -> list[GenerationRequest]:
    """The requests to draw and to judge so far, in order. Once all of them are judged, it may answer with more.

    before: keys of pictures that an earlier run accepted, that still stand and that these wants do not lead to;
    composites: how many of them are.
    fate: key -> why it was rejected, ACCEPTED, or None if it is not judged yet.
    """
    found: list[GenerationRequest] = []
    accepted, drawn, rejected, idle, at = len(before), 0, 0, 0, 0
    batch: list[tuple[Want, int]] = []  # (a want, the number of its attempt)
    while accepted < bounds.target and drawn < bounds.tries:
        if not batch:
            missing = bounds.target - accepted
            part = wants.part(at, min(2 * missing if at else missing, bounds.most - accepted))
            at += len(part)
            batch = [(want, 0) for want in part]
            if not batch:
                break
        later: list[tuple[Want, int]] = []
        waits, before_it = False, drawn
        # Of this batch, whatever becomes of them: a pure function of the order.
        room = 0 if rejected >= MOST_REJECTED and not composites else bounds.composites - composites
        for want, number in batch:
            attempt = _next(want, number, room <= 0)
            if attempt is None or drawn >= bounds.tries:
                continue
            number, attempt = attempt
            if attempt.scene:
                room -= 1
                found.append(attempt.scene)
                drawn += 1
                empty = fate(attempt.scene.key)
                if empty != ACCEPTED:
                    waits = waits or empty is None
                    rejected += empty is not None
                    later += [(want, number + 1)] if empty is not None else []
                    continue
            found.append(attempt.request)
            drawn += 1
            said = fate(attempt.request.key)
            if said is None:
                waits = True
            elif said == ACCEPTED:
                accepted += attempt.request.key not in before
                composites += attempt.scene is not None and attempt.request.key not in before
            elif said in NEXT_WAY:
                later.append((want, number + 1))
        idle = 0 if drawn > before_it else idle + len(batch)
        if waits or idle >= MOST_IDLE:
            break
        batch = later
    return found


def apart(
    wants: Known, bounds: Bounds, before: Mapping[str, str], stays: frozenset[str], composites: frozenset[str]
) -> frozenset[str]:
    """The accepted pictures of earlier runs that these wants do not lead to: what other settings drew. The others count
    when the wants reach them: a run that tried all it may, and has too few, would otherwise try more each time.

    before: key -> what an earlier run said of it, as for `fate`. stays: keys of those that it accepted and that still
    stand. composites: those that are composites.
    """
    found: frozenset[str] = frozenset()
    for _ in range(PASSES):
        reached = {each.key for each in tried(wants, bounds, found, len(found & composites), before.get)}
        if (left := stays - reached) == found:
            break
        found = left
    return found


def _next(want: Want, number: int, no_composites: bool) -> tuple[int, Attempt] | None:
    """(its number, the attempt): the first one from this number on that is allowed."""
    for place in range(number, len(want.attempts)):
        if not (want.attempts[place].scene and no_composites):
            return place, want.attempts[place]
    return None
