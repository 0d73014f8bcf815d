"""What the generator is asked for: which pictures of a character, from what, with which prompt. Draws nothing."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prep.documents import DocumentError, read_toml
from prep.errors import SettingsError
from prep.files import what_is
from prep.options import check_tags
from prep.types import GenerationRequest, Kind, Profile


@dataclass(frozen=True)
class Group:
    """A group of tags that augmentations vary: one option replaces all other options and the tags in `replaces`."""

    name: str
    replaces: frozenset[str]
    options: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Parent:
    """A real image as prompts see it. tags: those of its caption, best first, and its traits."""

    sha256: str
    width: int
    height: int
    tags: tuple[str, ...]


@dataclass(frozen=True)
class DrawingStyle:
    """How a set is drawn: what all its requests share."""

    generator: str
    weights: str
    precision: str
    sampler: str
    steps: int
    guidance: float
    strength: float
    quality: str
    negative: str
    size: Callable[[int, int], tuple[int, int]]  # size of a parent -> size of what is drawn from it
    prompt_text: Callable[[str], str]  # a tag as prompts spell it
    counts: Callable[[str], bool]  # whether a tag counts people (`1girl`)
    excludes: Callable[[str], Collection[str]]  # the tags that contradict this one


def read_vary(path: str, known: Collection[str] | None = None) -> tuple[list[Group], list[str]]:
    """(groups, tags that the tagger does not know, whose options are skipped). known None: it knows all.

    Raises SettingsError naming the file and the key.
    """
    try:
        tables = read_toml(Path(path), follow=True)
    except FileNotFoundError:
        raise SettingsError(f"augmentation.vary: {path} {what_is(Path(path))}", hint="name a TOML file") from None
    except DocumentError as error:
        raise SettingsError(f"augmentation.vary: {path} {error}", hint="correct it, or name another file") from None
    groups, unknown = [], []
    for name, table in tables.items():
        options = table.get("options") if isinstance(table, dict) else None
        replaces = table.get("replaces", []) if isinstance(table, dict) else None
        if not _tags(replaces) or not isinstance(options, list) or not all(_tags(option) for option in options):
            lists = "`options`, a list of lists of tags, and `replaces`, a list of tags"
            raise SettingsError(
                f"augmentation.vary: {path}: [{name}] needs {lists}",
                hint='such as options = [["smile", "closed_mouth"], ["frown"]]',
            )
        check_tags([*replaces, *(tag for option in options for tag in option)], f"augmentation.vary: {path}: [{name}]")
        tags = [tuple(tag.replace(" ", "_") for tag in option) for option in options]
        unknown += [tag for option in tags for tag in option if known is not None and tag not in known]
        usable = tuple(option for option in tags if known is None or all(tag in known for tag in option))
        own = frozenset(tag for option in tags for tag in option)
        groups.append(Group(name, own | {tag.replace(" ", "_") for tag in replaces}, usable))
    return groups, sorted(set(unknown))


def reconstructions(
    profile: Profile, parents: Sequence[Parent], count: int, style: DrawingStyle
) -> list[GenerationRequest]:
    """From an image's own tags, text only: picture -> tags -> picture. Every run chooses the same images, by hash."""
    chosen = sorted(parents, key=lambda parent: _stable_order(parent.sha256, "reconstruct"))[:count]
    return [
        _request("reconstruct", profile, _ordered(parent.tags, profile, (), style), (), parent, 0, style)
        for parent in chosen
        if parent.tags
    ]


def consistency(profile: Profile, count: int, style: DrawingStyle) -> list[GenerationRequest]:
    """From the core tags, as text only, with `count` seeds. None without core tags. Of two tags that exclude each
    other (a character with two outfits), the one on more images is used."""
    core: list[str] = []
    for tag in sorted(profile.core, key=lambda tag: -profile.tags[tag].images):
        if not any(tag in style.excludes(other) or other in style.excludes(tag) for other in core):
            core.append(tag)
    asked = _ordered(core, profile, (), style)
    return [_request("consistency", profile, asked, (), None, index, style) for index in range(count) if asked]


def augmentations(
    profile: Profile, parents: Sequence[Parent], groups: Sequence[Group], style: DrawingStyle
) -> Iterator[GenerationRequest]:
    """Yield requests endlessly, taking parents in turn: each parent with all its variations, ordered by a hash of their
    names; then again with other seeds. Ends at once when nothing can be varied."""
    plans = {parent: _variations(profile, parent, groups, style) for parent in parents}
    by_turns = sorted((parent for parent in parents if plans[parent]), key=lambda parent: parent.sha256)
    turn = 0
    while by_turns:
        for parent in by_turns:
            index, place = divmod(turn, len(plans[parent]))
            asked, changes = plans[parent][place]
            yield _request("augmentation", profile, asked, changes, parent, index, style)
        turn += 1


def _variations(
    profile: Profile, parent: Parent, groups: Sequence[Group], style: DrawingStyle
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """(requested tags, requested changes) of every option that differs from what the parent shows."""
    found = []
    shown = frozenset(parent.tags)
    traits = sorted(
        tag for tag in profile.traits if not shown.intersection(style.excludes(tag))
    )  # closed eyes have no colour
    for group in groups:
        if group.replaces & profile.traits:
            continue  # the trigger word should learn these
        for option in group.options:
            changes = tuple(tag for tag in option if tag not in parent.tags)
            if not changes:
                continue
            gone = group.replaces.union(*(style.excludes(tag) for tag in option)) - set(option)
            kept = [tag for tag in dict.fromkeys((*parent.tags, *traits)) if tag not in gone]
            asked = _ordered((*option, *(tag for tag in kept if tag not in option)), profile, option, style)
            found.append((asked, changes))
    return sorted(found, key=lambda pair: _stable_order(parent.sha256, *pair[1]))


def _ordered(tags: Sequence[str], profile: Profile, first: Sequence[str], style: DrawingStyle) -> tuple[str, ...]:
    """People, the changes, traits, other core tags, the rest: CLIP reads only 77 tokens."""

    def place(tag: str) -> int:
        if style.counts(tag):
            return 0
        if tag in first:
            return 1
        return 2 if tag in profile.traits else 3 if tag in profile.tags and profile.tags[tag].core else 4

    return tuple(sorted(dict.fromkeys(tags), key=place))


def _request(
    kind: Kind,
    profile: Profile,
    asked: tuple[str, ...],
    changes: tuple[str, ...],
    parent: Parent | None,
    index: int,
    style: DrawingStyle,
) -> GenerationRequest:
    width, height = style.size(*(parent.width, parent.height) if parent else (1, 1))
    words = [style.quality, *map(style.prompt_text, asked)]
    return GenerationRequest(
        kind=kind,
        character=profile.character,
        prompt=", ".join(word for word in words if word),
        negative=style.negative,
        width=width,
        height=height,
        steps=style.steps,
        guidance=style.guidance,
        sampler=style.sampler,
        strength=style.strength if kind == "augmentation" else None,
        parent=parent.sha256 if parent else None,
        index=index,
        asked=asked,
        changes=changes,
        generator=style.generator,
        weights=style.weights,
        precision=style.precision,
    )


def _tags(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(tag, str) for tag in value)


def _stable_order(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()
