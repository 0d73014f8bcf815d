"""The requests for pictures: which words, which size, from which parent. Draws nothing."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from prep.captions.of_crop import VIEW, is_unseen
from prep.types import Editing, GenerationRequest, Kind, Profile

RECURRING = 0.2  # share of a character's images: clothes on fewer belong to one picture
LEAST_RECURRING = 2  # images


@dataclass(frozen=True)
class Parent:
    """A real image as prompts see it. tags: those of its caption, best first, and its traits."""

    sha256: str
    width: int
    height: int
    tags: tuple[str, ...]
    variant: str = ""


@dataclass(frozen=True)
class DrawingStyle:
    """How a set is drawn: what all its requests share."""

    generator: str
    weights: str
    precision: str
    sampler: str
    steps: int
    guidance: float
    strength: float  # of img2img, unless the group has its own
    quality: str
    negative: str
    size: Callable[[int, int], tuple[int, int]]  # size of a parent -> size of what is drawn from it
    prompt_text: Callable[[str], str]  # a tag as prompts spell it
    counts: Callable[[str], bool]  # whether a tag counts people (`1girl`)
    excludes: Callable[[str], Collection[str]]  # the tags that contradict this one
    sentence: Callable[[Sequence[str]], str] = lambda tags: ""  # for T5, where the model has one
    editing: Editing | None = None  # None: the model cannot edit


def reconstructions(
    profile: Profile, parents: Sequence[Parent], count: int, style: DrawingStyle
) -> list[GenerationRequest]:
    """From an image's own tags, text only: picture -> tags -> picture. Every run chooses the same images, by hash."""
    chosen = sorted(parents, key=lambda parent: stable_order(parent.sha256, "reconstruct"))[:count]
    return [
        text_request("reconstruct", profile, ordered(parent.tags, profile, (), style), (), parent, 0, style)
        for parent in chosen
        if parent.tags
    ]


def consistency(
    profile: Profile,
    parents: Sequence[Parent],
    situations: Sequence[Sequence[str]],
    count: int,
    style: DrawingStyle,
    groups: Iterable[Collection[str]] = (),
) -> list[GenerationRequest]:
    """What the character always has, in one situation after the other, each in the clothes of one of its pictures, one
    variant after the other: as text only. None without core tags.

    groups: tags of which one replaces the others, such as all places: a situation that names one of them replaces all.
    """
    if not profile.core:
        return []
    wearers = _in_turn(sorted(parents, key=lambda parent: stable_order(parent.sha256, "wears")), count)
    varied = {tag for situation in situations for tag in situation}
    varied = varied.union(*(style.excludes(tag) for tag in varied), *(one for one in groups if varied & {*one}))
    found = []
    for at in range(count):
        situation = situations[at % len(situations)] if situations else ()
        worn = _worn(profile, wearers[at % len(wearers)], parents, varied, style) if wearers else []
        kept = _harmonious((*_always(profile), *worn), style)
        new = [tag for tag in situation if not profile.traits.intersection(style.excludes(tag))]
        gone = set().union(*(style.excludes(tag) for tag in new))
        asked = ordered((*new, *framed((tag for tag in kept if tag not in gone), new)), profile, new, style)
        found.append(text_request("consistency", profile, asked, (), None, at // max(1, len(situations)), style))
    return found


def ordered(tags: Iterable[str], profile: Profile, first: Collection[str], style: DrawingStyle) -> tuple[str, ...]:
    """People, the changes, traits, other core tags, the rest: CLIP reads only 77 tokens."""

    def place(tag: str) -> int:
        if style.counts(tag):
            return 0
        if tag in first:
            return 1
        return 2 if tag in profile.traits else 3 if tag in profile.tags and profile.tags[tag].core else 4

    return tuple(sorted(dict.fromkeys(tags), key=place))


def framed(tags: Iterable[str], situation: Collection[str]) -> list[str]:
    """Without what the situation's framing leaves out: asked for a portrait in boots, a model draws the boots."""
    part = next((part for part, view in VIEW.items() if view in situation), None)
    return [tag for tag in tags if part is None or not is_unseen(part, tag)]


def prompt_of(asked: Iterable[str], style: DrawingStyle) -> str:
    words = [style.quality, *map(style.prompt_text, asked)]
    return ", ".join(word for word in words if word)


def text_request(
    kind: Kind,
    profile: Profile,
    asked: tuple[str, ...],
    changes: tuple[str, ...],
    parent: Parent | None,
    index: int,
    style: DrawingStyle,
    strength: float | None = None,
    **more: object,
) -> GenerationRequest:
    """From words, and from the parent's pixels with a strength. more: other fields of the request."""
    width, height = style.size(*(parent.width, parent.height) if parent else (1, 1))
    values = dict(
        kind=kind,
        character=profile.character,
        prompt=prompt_of(asked, style),
        negative=style.negative,
        width=width,
        height=height,
        steps=style.steps,
        guidance=style.guidance,
        sampler=style.sampler,
        strength=strength,
        parent=parent.sha256 if parent else None,
        index=index,
        asked=asked,
        changes=changes,
        generator=style.generator,
        weights=style.weights,
        precision=style.precision,
        sentence=style.sentence(asked),
    )
    return GenerationRequest(**(values | more))


def stable_order(*words: str) -> str:
    """A place in an order that no new word changes."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def _always(profile: Profile) -> list[str]:
    """People and body, most frequent first; all core tags of a character without them."""
    core = sorted(profile.core, key=lambda tag: -profile.tags[tag].images)
    return [tag for tag in core if tag in profile.body] or core


def _in_turn(wearers: Sequence[Parent], count: int) -> list[Parent]:
    """The first `count`, if they take turns by variant; all of them, if there is only one variant."""
    variants: dict[str, list[Parent]] = {}
    for each in wearers:
        variants.setdefault(each.variant, []).append(each)
    if len(variants) < 2:
        return list(wearers)
    turns = [variants[name] for name in sorted(variants, key=lambda name: stable_order(name, "wears"))]
    found = []
    for at in range(count):
        round_, turn = divmod(at, len(turns))
        found.append(turns[turn][round_ % len(turns[turn])])
    return found


def _worn(
    profile: Profile,
    wearer: Parent,
    parents: Sequence[Parent],
    varied: Collection[str],
    style: DrawingStyle,
) -> list[str]:
    """What recurs on the pictures of the character, or of the wearer's variant, and is on this one: clothes that go
    together. Without what the situations vary, unless it is of the body.
    """
    alike = [parent for parent in parents if parent.variant == wearer.variant]
    if wearer.variant and len(alike) >= LEAST_RECURRING:
        images, counts = len(alike), Counter(tag for parent in alike for tag in parent.tags)
    else:
        images, counts = profile.images, Counter({tag: seen.images for tag, seen in profile.tags.items()})
    recurs = [tag for tag in wearer.tags if counts[tag] >= max(LEAST_RECURRING, RECURRING * images)]
    return [tag for tag in recurs if tag not in varied or tag in profile.body]


def _harmonious(tags: Iterable[str], style: DrawingStyle) -> list[str]:
    """Of two tags that exclude each other, the earlier one."""
    kept: list[str] = []
    for tag in dict.fromkeys(tags):
        if not any(tag in style.excludes(other) or other in style.excludes(tag) for other in kept):
            kept.append(tag)
    return kept
