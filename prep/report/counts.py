"""The pictures and tags of a set, counted: by character, by level, by frequency. Reads and writes nothing."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

import numpy as np

from prep.captions.overlap import overlapped
from prep.names import slugs
from prep.report.rows import WHYS, Picture, Tags
from prep.types import is_drawn

LEVELS = ("simple", "medium", "complex")
TOGETHER = 5  # pictures: fewer say nothing about two tags that never part
APART = 2  # pictures of the character that lack a tag: else it does not vary
MOST_VARYING = 400  # tags per character that are compared with one another
BLOCK = 2048  # pictures at a time


class Counted(NamedTuple):
    tag: str  # underscored
    images: int


@dataclass
class Character:
    name: str
    trigger: str = ""
    kept: array = field(default_factory=lambda: array("i"))  # int32: Picture.at of the real ones in the set
    accepted: list[Picture] = field(default_factory=list)  # drawn ones in the set
    left_out: int = 0  # real pictures that are not
    drawn: int = 0  # all that were drawn
    crops: int = 0  # in the set
    variants: Counter[str] = field(default_factory=Counter)
    shown: dict[str, int] = field(default_factory=dict)  # tag -> real pictures in the set that show it
    traits: tuple[Counted, ...] = ()  # left to the trigger word
    core: tuple[Counted, ...] = ()  # in enough of its pictures


class Level(NamedTuple):
    name: str
    images: int
    threshold: float | None  # the median
    tags: float | None  # of a caption: the median; None: all captions are sentences
    fewest: int
    most: int


class Together(NamedTuple):
    """Tags of a character that are in the same pictures; or that are never without some other ones."""

    character: str
    tags: tuple[str, ...]  # always together, if there are several
    others: tuple[str, ...]  # that are always with them, and also elsewhere; empty: this is about `tags` alone
    images: int  # that show the tags
    more: int  # that show the others alone
    of: int  # pictures of the character


def characters(pictures: Sequence[Picture], tags: Tags, core_share: float) -> list[Character]:
    """In the order of their names. core_share: of a character's real pictures, that show a core tag."""
    found: dict[str, Character] = {}
    begins: dict[str, Counter[str]] = defaultdict(Counter)
    for picture in pictures:
        character = found.setdefault(picture.character, Character(picture.character))
        if picture.kept:
            character.kept.append(picture.at)
            begins[picture.character][picture.begins] += 1
            if picture.variant:
                character.variants[picture.variant] += 1
        elif picture.real:
            character.left_out += 1
        elif not is_drawn(picture.origin):
            character.crops += picture.trains
        else:
            character.drawn += 1
            if picture.trains:
                character.accepted.append(picture)
    shown, dropped = _by_character(list(found), pictures, tags)
    for name, character in found.items():
        words = begins[name]
        words.pop("", None)
        character.trigger = min(words, key=lambda word: (-words[word], word), default=slugs([name])[name])
        character.shown = shown[name]
        character.traits = _frequent(dropped[name])
        least = core_share * len(character.kept)
        core = {tag: count for tag, count in shown[name].items() if count >= least}
        character.core = _frequent(core) if character.kept else ()
    return [found[name] for name in sorted(found)]


def frequencies(pictures: Sequence[Picture], tags: Tags) -> tuple[Counted, ...]:
    """The tags of all captions of the set, the most frequent first."""
    chosen = np.zeros(len(pictures), bool)
    chosen[[picture.at for picture in pictures if picture.trains]] = True
    written = tags.written
    counts = np.bincount(written.tag[chosen[written.picture]], minlength=len(tags.names))
    return _frequent({tags.names[at]: int(counts[at]) for at in np.flatnonzero(counts)})


def levels(pictures: Sequence[Picture], tags: Tags) -> list[Level]:
    """The levels of complexity that real pictures of the set have. Captions that are sentences have no length."""
    lengths = caption_lengths(pictures, tags)
    found: dict[str, list[tuple[int, float | None]]] = defaultdict(list)  # (Picture.at, its threshold)
    for picture in pictures:
        if picture.kept and picture.complexity:
            found[picture.complexity].append((picture.at, picture.threshold))
    names = (*LEVELS, *sorted(found.keys() - LEVELS))
    return [_level(name, found[name], lengths, tags.sentences) for name in names if found[name]]


def caption_lengths(pictures: Sequence[Picture], tags: Tags) -> np.ndarray:
    """int64 [N]: the tags of each picture's caption."""
    return np.bincount(tags.written.picture, minlength=len(pictures))


def never_parted(found: Sequence[Character], tags: Tags) -> list[Together]:
    """Tags of one character that vary, and are always together or never without others; the closest first.

    Each is in at least TOGETHER pictures, and at least APART lack it. A tag that states another more exactly (white
    shirt, shirt) is no news.
    """
    order = np.argsort(tags.picture, kind="stable")
    shown = Tags(tags.names, tags.picture[order], tags.tag[order], tags.why[order]).shown
    large = (character for character in found if len(character.kept) >= TOGETHER + APART)
    parts = [part for character in large for part in _together(character, shown)]
    return sorted(parts, key=lambda part: (part.more, -part.images, part.character, part.tags, part.others))


def _by_character(
    names: list[str], pictures: Sequence[Picture], tags: Tags
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """Of each character's real pictures in the set: tag -> how many show it, and how many leave it to the trigger."""
    numbers = {name: at for at, name in enumerate(names)}
    owner = np.full(len(pictures), -1, np.int64)
    for picture in pictures:
        if picture.kept:
            owner[picture.at] = numbers[picture.character]
    counted = []
    for each in (tags.shown, tags.where(tags.why == WHYS.index("trait"))):
        own = owner[each.picture]
        keys, counts = np.unique(own[own >= 0] * len(tags.names) + each.tag[own >= 0], return_counts=True)
        found: dict[str, dict[str, int]] = {name: {} for name in names}
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            found[names[key // len(tags.names)]][tags.names[key % len(tags.names)]] = count
        counted.append(found)
    return counted[0], counted[1]


def _frequent(counts: dict[str, int]) -> tuple[Counted, ...]:
    return tuple(Counted(*pair) for pair in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _level(
    name: str, pictures: list[tuple[int, float | None]], lengths: np.ndarray, sentences: frozenset[int]
) -> Level:
    own = [int(lengths[at]) for at, _ in pictures if at not in sentences]
    thresholds = [each for _, each in pictures if each is not None]
    threshold = median(thresholds) if thresholds else None
    tags = float(median(own)) if own else None
    return Level(name, len(pictures), threshold, tags, min(own, default=0), max(own, default=0))


def _together(character: Character, shown: Tags) -> Iterator[Together]:
    """shown: sorted by picture."""
    of = len(character.kept)
    varying = [tag for tag, count in character.shown.items() if TOGETHER <= count <= of - APART]
    varying = sorted(varying, key=lambda tag: (-character.shown[tag], tag))[:MOST_VARYING]
    both = _both(character.kept, varying, shown)  # [V, V]: pictures that show both
    counts = np.diag(both).astype(int).tolist()
    groups: list[list[int]] = []  # of tags that are in the same pictures
    for at in range(len(varying)):
        same = (group for group in groups if both[at, group[0]] == counts[at] == counts[group[0]])
        if (group := next(same, None)) is None:
            groups.append([at])
        else:
            group.append(at)
    exact = [_exact([varying[at] for at in group]) for group in groups]
    for group, tags in zip(groups, exact, strict=True):
        if len(tags) > 1:
            yield Together(character.name, tags, (), counts[group[0]], 0, of)
        for other, others in zip(groups, exact, strict=True):
            count, more = counts[group[0]], counts[other[0]] - counts[group[0]]
            if more > 0 and both[group[0], other[0]] == count and len(_exact([*tags, *others])) == len(tags + others):
                yield Together(character.name, tags, others, count, more, of)


def _exact(tags: list[str]) -> tuple[str, ...]:
    """Without those that another one states more exactly."""
    general = overlapped(tags)
    return tuple(tag for tag in tags if tag not in general)


def _both(pictures: Sequence[int], tags: Sequence[str], shown: Tags) -> np.ndarray:
    """float32 [V, V]: how many of the pictures (Picture.at) show both of two tags."""
    column = np.full(len(shown.names), -1, np.int32)
    places = {name: at for at, name in enumerate(shown.names)}
    column[[places[tag] for tag in tags]] = np.arange(len(tags))
    both = np.zeros((len(tags), len(tags)), np.float32)
    for start in range(0, len(pictures), BLOCK):
        block = np.asarray(pictures[start : start + BLOCK])
        has = np.zeros((len(block), len(tags)), np.float32)
        begins, ends = np.searchsorted(shown.picture, block), np.searchsorted(shown.picture, block + 1)
        for row, (begin, end) in enumerate(zip(begins, ends, strict=True)):
            own = column[shown.tag[begin:end]]
            has[row, own[own >= 0]] = 1
        both += has.T @ has
    return both
