"""The verdict on a drawn picture, from what the tagger read in it. The rule and its reasons: docs/CHECK.md."""

import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from prep.errors import SettingsError
from prep.types import Check, GenerationRequest

CORE_WEIGHT, WEIGHT = 2, 1


@dataclass(frozen=True)
class Exclusive:
    """Groups of tags of which a picture shows one."""

    groups: tuple[frozenset[str], ...]

    def against(self, asked: str) -> frozenset[str]:
        """The tags that exclude this one."""
        return frozenset().union(*(group for group in self.groups if asked in group)) - {asked}


def read_exclusive(path: str) -> Exclusive:
    """Raises SettingsError when the file is not a table of lists of tags."""
    try:
        lists = tomllib.loads(Path(path).read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"check.exclusive: {path} cannot be read as TOML: {error}") from None
    for name, group in lists.items():
        if not isinstance(group, list) or not all(isinstance(tag, str) for tag in group):
            raise SettingsError(f"{path}: `{name}` is no list of tags", hint='such as mouth = ["open_mouth"]')
    return Exclusive(tuple(frozenset(tag.replace(" ", "_") for tag in group) for group in lists.values()))


def judged(
    request: GenerationRequest,
    read: Iterable[str],
    core: Collection[str],
    known: Collection[str],
    exclusive: Exclusive,
    bound: float,
) -> Check:
    """read: the tags above their thresholds. core: the character's. known: every tag that the tagger knows.

    Says nothing of pixels: `as_copy` adds that.
    """
    read, asked = set(read), [tag for tag in request.asked if tag in known]
    unknown = tuple(tag for tag in request.asked if tag not in known)
    if not asked:
        return Check(0.0, False, "not_judgeable", not_judgeable=unknown)
    weight = {tag: CORE_WEIGHT if tag in core else WEIGHT for tag in asked}
    found = [tag for tag in asked if tag in read]
    missing = [tag for tag in asked if tag not in read]
    costs: dict[str, int] = {}  # tag that speaks against -> the weightiest that it excludes
    contradicted = False
    for tag in asked:
        for other in (exclusive.against(tag) & read) - weight.keys():
            costs[other] = max(costs.get(other, 0), weight[tag])
            contradicted |= tag in core and tag not in read
    total = sum(weight[tag] for tag in found) - sum(costs.values())
    score = max(0, total) / sum(weight.values())
    reason = "contradiction" if contradicted else "off_character" if score < bound else None
    changes = [tag for tag in request.changes if tag in known]
    if reason is None and request.changes and not read.intersection(changes):
        reason = "copy"
    return Check(score, reason is None, reason, tuple(found), tuple(missing), tuple(sorted(costs)), unknown)


def as_copy(check: Check) -> Check:
    """The verdict on a picture whose pixels nearly equal its parent's or a sibling's."""
    return replace(check, kept=False, reason="copy") if check.kept else check
