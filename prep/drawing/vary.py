"""vary.toml: which groups of tags augmentations vary, with which options, and in which ways each group is drawn."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from prep.documents import read_named
from prep.errors import SettingsError
from prep.options import check_tags
from prep.tagging.aliases import as_known

# text: from words alone. composite: a drawn scene behind the parent's figure. The others begin with the parent's pixels
# and need a strength.
MANNERS = ("edit", "img2img", "text", "composite")
NEED_STRENGTH = ("edit", "img2img")


@dataclass(frozen=True)
class Way:
    """manner: one of MANNERS. strength: 0-1; None for those without, and for the one in the settings."""

    manner: str
    strength: float | None = None


@dataclass(frozen=True)
class Group:
    """A group of tags that augmentations vary: one option replaces all other options and the tags in `replaces`.

    ways: how such a picture is drawn; after a copy or a contradiction, the next one is tried.
    """

    name: str
    replaces: frozenset[str]
    options: tuple[tuple[str, ...], ...]
    ways: tuple[Way, ...] = (Way("img2img"),)


def read_vary(path: str, known: Collection[str] | None = None) -> tuple[list[Group], list[str]]:
    """(groups, tags that the tagger does not know, whose options are skipped). known None: it knows all.

    Raises SettingsError naming the file and the key.
    """
    tables = read_named(path, "augmentation.vary")
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
        tags = [tuple(as_known(tag.replace(" ", "_"), known) for tag in option) for option in options]
        unknown += [tag for option in tags for tag in option if known is not None and tag not in known]
        usable = tuple(option for option in tags if known is None or all(tag in known for tag in option))
        own = frozenset(tag for option in tags for tag in option)
        ways = _ways(table.get("ways", ["img2img"]), f"augmentation.vary: {path}: [{name}]")
        groups.append(Group(name, own | {as_known(tag.replace(" ", "_"), known) for tag in replaces}, usable, ways))
    return groups, sorted(set(unknown))


def _ways(found: Any, where: str) -> tuple[Way, ...]:
    """found: such as ["composite", "edit 0.8"]. Raises SettingsError."""
    if not isinstance(found, list) or not found:
        raise SettingsError(f"{where}: `ways` is {found!r}, not a list of ways", hint='such as ways = ["edit", "text"]')
    ways = tuple(map(_way, found))
    if None in ways:
        raise SettingsError(
            f"{where}: `ways` has {found[ways.index(None)]!r}, which is not a way to draw",
            hint=f'a list of {", ".join(MANNERS)}; {" and ".join(NEED_STRENGTH)} may have a strength: "edit 0.8"',
        )
    return ways


def _way(found: Any) -> Way | None:
    manner, _, strength = found.partition(" ") if isinstance(found, str) else ("", "", "")
    try:
        value = float(strength) if strength else None
    except ValueError:
        return None
    allowed = value is None or (manner in NEED_STRENGTH and 0 < value <= 1)
    return Way(manner, value) if manner in MANNERS and allowed else None


def _tags(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(tag, str) for tag in value)
