"""What augmentations ask for: the rarest among a character's real pictures first, evenly over its parents, and in which
ways each may be drawn. Draws nothing.
"""

from bisect import insort
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace

from prep.drawing.prompts import DrawingStyle, Parent, framed, ordered, prompt_of, stable_order, text_request
from prep.drawing.vary import Group, Way
from prep.types import GenerationRequest, Profile

NOBODY = "no_humans"
LONGEST = 4 / 3  # height / width of what is drawn from words, at most
Option = tuple[str, ...]


def upright(width: int, height: int) -> tuple[int, int]:
    """A size of at most a square's width and 3:4. What uses none of the parent's pixels need not have its aspect: the
    wider or the longer, the more often a figure is drawn broken.
    """
    return min(width, height), min(height, round(width * LONGEST))


@dataclass(frozen=True)
class Cutting:
    """A parent whose figure can be cut out. how: alpha, plain, or the digest of a matting model."""

    how: str
    canvas: tuple[int, int]  # width and height in pixels of a composite of it


@dataclass(frozen=True)
class Attempt:
    """One way to a picture. scene: drawn and read before a composite is made."""

    request: GenerationRequest
    scene: GenerationRequest | None = None


@dataclass(frozen=True)
class Want:
    """One augmentation that is wanted. attempts: the next one after a copy or a contradiction."""

    option: Option
    attempts: tuple[Attempt, ...]


@dataclass
class _Character:
    """A character while its wants are collected."""

    profile: Profile
    style: DrawingStyle
    cuts: Mapping[str, Cutting]
    scenes: Counter[Option]  # scenes asked for so far

    def variation(self, parent: Parent, group: Group, option: Option) -> tuple[Option, Option] | None:
        """(requested tags, requested changes); None: the parent shows it already."""
        changes = tuple(tag for tag in option if tag not in parent.tags)
        if not changes:
            return None
        style = self.style
        shown = frozenset(parent.tags)
        # Closed eyes have no colour.
        traits = sorted(tag for tag in self.profile.traits if not shown.intersection(style.excludes(tag)))
        gone = group.replaces.union(*(style.excludes(tag) for tag in option)) - set(option)
        kept = [tag for tag in framed(dict.fromkeys((*parent.tags, *traits)), option) if tag not in gone]
        return ordered((*option, *(tag for tag in kept if tag not in option)), self.profile, option, style), changes

    def can(self, way: Way, parent: Parent) -> bool:
        if way.manner == "edit":
            return self.style.editing is not None
        return way.manner != "composite" or parent.sha256 in self.cuts

    def attempt(self, way: Way, parent: Parent, asked: Option, changes: Option, option: Option, index: int) -> Attempt:
        profile, style = self.profile, self.style
        common = ("augmentation", profile, asked, changes, parent, index, style)
        if way.manner == "text":
            width, height = style.size(*upright(parent.width, parent.height))
            return Attempt(text_request(*common, width=width, height=height))
        if way.manner == "img2img":
            return Attempt(text_request(*common, way.strength or style.strength))
        if way.manner == "edit":
            source = ordered(parent.tags, profile, (), style)
            editing = style.editing
            how = dict(manner="edit", source=prompt_of(source, style), source_sentence=style.sentence(source))
            how |= dict(source_guidance=editing.source, guidance=editing.target, sampler="euler")
            how |= dict(unchanged=editing.unchanged)
            return Attempt(text_request(*common, way.strength or editing.strength, **how))
        width, height = style.size(parent.width, parent.height)
        of_scene = ("scene", profile, (NOBODY, *option), (), None, self.scenes[option], style)
        scene = text_request(*of_scene, width=width, height=height)
        self.scenes[option] += 1
        cut = self.cuts[parent.sha256]
        width, height = cut.canvas
        how = dict(manner="composite", scene=scene.key, cut=cut.how, width=width, height=height)
        return Attempt(text_request(*common, **how), scene)


def wants(
    profile: Profile,
    parents: Sequence[Parent],
    groups: Sequence[Group],
    shown: Mapping[Option, int],
    cuts: Mapping[str, Cutting],
    style: DrawingStyle,
) -> Iterator[Want]:
    """Yield without end, the rarest option first, each time with the parent that was used least. Ends at once when
    nothing can be varied.

    shown: option -> real pictures that show it. cuts: sha256 -> how its figure is cut out; others cannot be.
    """
    one = _Character(profile, style, cuts, Counter())
    free = [group for group in groups if not group.replaces & profile.traits]  # the trigger word should learn traits
    used: Counter[str] = Counter()  # parents
    repeats: Counter[tuple[str, Option]] = Counter()
    turns = []  # (how often it is shown and was asked for, a stable order, group, option, its parents)
    for group in free:
        for option in group.options:
            if able := _able(one, parents, group, option):
                place = stable_order(profile.character, *option)
                turns.append((shown.get(option, 0), place, group, option, _Parents(able, option, used)))
    turns.sort(key=lambda turn: turn[:2])
    while turns:
        count, place, group, option, able = turns.pop(0)
        parent = able.next()
        asked, changes = one.variation(parent, group, option)
        index = repeats[parent.sha256, option]
        yield Want(option, tuple(
            one.attempt(way, parent, asked, changes, option, index) for way in group.ways if one.can(way, parent)
        ))  # fmt: skip
        repeats[parent.sha256, option] += 1
        insort(turns, (count + 1, place, group, option, able), key=lambda turn: turn[:2])


class _Parents:
    """The parents of one option, the least used first. used: of all options together."""

    def __init__(self, able: Sequence[Parent], option: Option, used: Counter[str]) -> None:
        self.used = used
        self.heap = [(0, stable_order(parent.sha256, *option), at, parent) for at, parent in enumerate(able)]
        heapify(self.heap)

    def next(self) -> Parent:
        while True:
            count, order, at, parent = self.heap[0]
            if count == self.used[parent.sha256]:
                self.used[parent.sha256] += 1
                return parent
            heapreplace(self.heap, (self.used[parent.sha256], order, at, parent))


def _able(one: _Character, parents: Sequence[Parent], group: Group, option: Option) -> list[Parent]:
    """The parents that can be drawn in the group's first way, else in any."""
    free = [parent for parent in parents if not set(option) <= set(parent.tags)]
    for ways in (group.ways[:1], group.ways):
        if fit := [parent for parent in free if any(one.can(way, parent) for way in ways)]:
            return fit
    return []
