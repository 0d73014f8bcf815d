"""What was drawn, and what became of it: by kind and manner, with reasons and witnesses. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from prep.captions.compose import prompt_text
from prep.drawing.coverage import coverage_lines
from prep.drawing.held import Sample, held_lines
from prep.drawing.progress import KINDS
from prep.drawing.vary import Group
from prep.report.counts import Character
from prep.report.rows import Picture
from prep.types import Profile, Seen, is_drawn

NOT_MEASURED = "not measured"


class Tried(NamedTuple):
    """All pictures of one kind, drawn in one manner."""

    kind: str  # in words
    manner: str
    images: int
    accepted: int
    reasons: tuple[tuple[str, int], ...]  # why the others were not, the most frequent first
    identity: str  # medians, or that it was not measured
    damage: str


def tried(pictures: Iterable[Picture]) -> list[Tried]:
    found: dict[tuple[str, str], list[Picture]] = defaultdict(list)
    for picture in pictures:
        if is_drawn(picture.origin):
            found[picture.origin, picture.manner].append(picture)
    order = list(KINDS)
    keys = sorted(found, key=lambda key: (order.index(key[0]) if key[0] in order else len(order), key))
    return [_tried(*key, found[key]) for key in keys]


def coverage(character: Character, groups: Sequence[Group]) -> list[str]:
    """What its pictures show of all that augmentations vary, and what they lack."""
    extra: Counter[str] = Counter()
    for picture in character.accepted:
        extra.update(tag for tag in picture.changes if tag not in picture.missing)
    return list(coverage_lines(_profile(character), groups, extra, prompt_text))


def held(character: Character, samples: Sequence[Picture]) -> list[str]:
    """Which of its traits the generator holds. samples: the character's consistency samples."""
    measured = [Sample(each.asked, each.missing, each.identity, each.alike) for each in samples]
    model = samples[0].generator.partition(" ")[0] if samples else ""
    return held_lines(_profile(character), model, measured, prompt_text)


def by_character(pictures: Iterable[Picture], kind: str) -> Mapping[str, list[Picture]]:
    found: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        if picture.origin == kind:
            found[picture.character].append(picture)
    return found


def _tried(kind: str, manner: str, pictures: list[Picture]) -> Tried:
    reasons = Counter(picture.reason or picture.status for picture in pictures if picture.status != "kept")
    accepted = len(pictures) - reasons.total()
    why = tuple(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])))
    measures = [_median([getattr(picture, name) for picture in pictures]) for name in ("identity", "damage")]
    return Tried(KINDS.get(kind, kind), manner or "unknown", len(pictures), accepted, why, *measures)


def _median(values: list[float | None]) -> str:
    found = [value for value in values if value is not None]
    if not found:
        return NOT_MEASURED
    return f"{median(found):.2f}" + (f" ({len(found):,} measured)" if len(found) < len(values) else "")


def _profile(character: Character) -> Profile:
    """As far as lines about it need one."""
    traits, images = {trait.tag for trait in character.traits}, len(character.kept)
    tags = {
        tag: Seen(count, images, 0.0, False, tag in traits, tag in traits, "") for tag, count in character.shown.items()
    }
    return Profile(character.name, character.trigger, images, tags)
