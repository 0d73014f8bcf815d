"""The pictures and tags of a set, counted: by character, by level, by frequency. Reads and writes nothing."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

import numpy as np

from prep.captions.overlap import overlapped
from prep.names import slugs
from prep.report.rows import WHYS, Picture, Tags

LEVELS = ("simple", "medium", "complex")
TOGETHER = 5  # pictures: fewer say nothing about two tags that never part
APART = 2  # pictures of the character that lack both: else the tags do not vary
MOST_VARYING = 400  # tags per character that are compared with one another
BLOCK = 2048  # pictures at a time


class Counted(NamedTuple):
    tag: str  # underscored
    images: int


@dataclass
class Character:
    name: str
    trigger: str = ""
    kept: list[Picture] = field(default_factory=list)  # real pictures in the set
    accepted: list[Picture] = field(default_factory=list)  # drawn ones in the set
    left_out: int = 0  # real pictures that are not
    drawn: int = 0  # all that were drawn
    variants: Counter[str] = field(default_factory=Counter)
    shown: dict[str, int] = field(default_factory=dict)  # tag -> real pictures in the set that show it
    traits: tuple[Counted, ...] = ()  # left to the trigger word
    core: tuple[Counted, ...] = ()  # in enough of its pictures


class Level(NamedTuple):
    name: str
    images: int
    threshold: float | None  # the median
    tags: float | None  # of a caption: the median
    fewest: int
    most: int


class Pair(NamedTuple):
    """Two tags of a character: the first is never without the second."""

    character: str
    first: str
    second: str
    images: int  # that show the first, and so both
    more: int  # that show the second alone
    of: int  # pictures of the character


def characters(pictures: Sequence[Picture], tags: Tags, core_share: float) -> list[Character]:
    """In the order of their names. core_share: of a character's real pictures, that show a core tag."""
    found: dict[str, Character] = {}
    begins: dict[str, Counter[str]] = defaultdict(Counter)
    for picture in pictures:
        character = found.setdefault(picture.character, Character(picture.character))
        if picture.kept:
            character.kept.append(picture)
            begins[picture.character][picture.begins] += 1
            if picture.variant:
                character.variants[picture.variant] += 1
        elif picture.real:
            character.left_out += 1
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
    """The levels of complexity that real pictures of the set have."""
    lengths = caption_lengths(pictures, tags)
    found: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        if picture.kept and picture.complexity:
            found[picture.complexity].append(picture)
    return [_level(name, found[name], lengths) for name in (*LEVELS, *sorted(found.keys() - LEVELS)) if found[name]]


def caption_lengths(pictures: Sequence[Picture], tags: Tags) -> np.ndarray:
    """int64 [N]: the tags of each picture's caption, as prep writes it."""
    return np.bincount(tags.written.picture, minlength=len(pictures))


def never_parted(found: Sequence[Character], tags: Tags) -> list[Pair]:
    """Pairs of tags of one character that vary, one of them never without the other; the closest pairs first.

    Both are in at least TOGETHER pictures, and at least APART lack both. A tag that states another more exactly (white
    shirt, shirt) is no news.
    """
    pairs: list[Pair] = []
    order = np.argsort(tags.picture, kind="stable")
    shown = Tags(tags.names, tags.picture[order], tags.tag[order], tags.why[order]).shown
    for character in found:
        if len(character.kept) >= TOGETHER + APART:
            pairs += _pairs(character, shown)
    return sorted(pairs, key=lambda pair: (pair.more, -pair.images, pair.character, pair.first, pair.second))


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


def _level(name: str, pictures: list[Picture], lengths: np.ndarray) -> Level:
    own = lengths[[picture.at for picture in pictures]]
    thresholds = [picture.threshold for picture in pictures if picture.threshold is not None]
    threshold = median(thresholds) if thresholds else None
    return Level(name, len(pictures), threshold, float(np.median(own)), int(own.min()), int(own.max()))


def _pairs(character: Character, shown: Tags) -> list[Pair]:
    """shown: sorted by picture."""
    of = len(character.kept)
    varying = [tag for tag, count in character.shown.items() if TOGETHER <= count <= of - APART]
    varying = sorted(varying, key=lambda tag: (-character.shown[tag], tag))[:MOST_VARYING]
    if len(varying) < 2:
        return []
    column = np.full(len(shown.names), -1, np.int32)
    places = {name: at for at, name in enumerate(shown.names)}
    column[[places[tag] for tag in varying]] = np.arange(len(varying))
    both = np.zeros((len(varying), len(varying)), np.float32)
    for start in range(0, of, BLOCK):
        has = np.zeros((min(BLOCK, of - start), len(varying)), np.float32)
        for row, picture in enumerate(character.kept[start : start + BLOCK]):
            begin, end = np.searchsorted(shown.picture, [picture.at, picture.at + 1])
            own = column[shown.tag[begin:end]]
            has[row, own[own >= 0]] = 1
        both += has.T @ has
    counts = np.diag(both)
    pairs = []
    for first, second in np.argwhere(both == counts[:, None]):
        more = int(counts[second] - counts[first])
        names = varying[first], varying[second]
        # Of two that are always together, each pair once. The pictures that lack both are those that lack the second.
        if first == second or (not more and first > second) or of - counts[second] < APART:
            continue
        if not overlapped(list(names)):
            pairs.append(Pair(character.name, *names, int(counts[first]), more, of))
    return pairs
