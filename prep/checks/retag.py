"""The verdict on a drawn picture, from the tags that the tagger read. The rule and its reasons: docs/CHECK.md."""

from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass, replace

from prep.documents import read_named
from prep.errors import SettingsError
from prep.options import check_tags
from prep.types import Check, GenerationRequest

CORE_WEIGHT, WEIGHT = 2, 1
TABLES = ("character", "picture", "near")


@dataclass(frozen=True)
class Exclusive:
    """Groups of tags that exclude each other. character: what a person is and wears; picture: all others.

    near: groups that taggers mix up. One of them in place of another costs what the missing one weighs, and no more.
    """

    character: tuple[frozenset[str], ...]
    picture: tuple[frozenset[str], ...]
    near: tuple[frozenset[str], ...] = ()

    def against(self, asked: str) -> frozenset[str]:
        """The tags that exclude this one."""
        return _against(asked, (*self.character, *self.picture))

    def costs(self, asked: str) -> frozenset[str]:
        """Those that count against a picture when a tagger reads them: not the ones that it takes for this one."""
        return self.against(asked) - self._near(asked)

    def hiders(self, body: Container[str]) -> dict[str, frozenset[str]]:
        """For each tag of the body, tags shown in its place that are not of the body: closed eyes have no colour."""
        found: dict[str, frozenset[str]] = {}
        for group in self.picture:
            others = frozenset(tag for tag in group if tag not in body)
            found |= {tag: found.get(tag, frozenset()) | others for tag in group - others}
        return found

    def against_the_character(self, asked: str) -> frozenset[str]:
        """Those that mean somebody else, or other clothes."""
        return _against(asked, self.character) - self._near(asked)

    def _near(self, asked: str) -> frozenset[str]:
        return frozenset().union(*(group for group in self.near if asked in group))


def _against(asked: str, groups: Iterable[frozenset[str]]) -> frozenset[str]:
    """A `blue_shirt` is a `shirt`: what excludes the one excludes the other."""
    words = asked.split("_")
    names = {"_".join(words[at:]) for at in range(len(words))}
    return frozenset().union(*(group - names for group in groups if group & names))


def read_exclusive(path: str) -> Exclusive:
    """Raises SettingsError when the file is anything but tables of lists of tags."""
    tables = read_named(path, "check.exclusive")
    wrong = [name for name in tables if name not in TABLES or not isinstance(tables[name], dict)]
    if wrong:
        raise SettingsError(
            f"check.exclusive: {path}: `{wrong[0]}` is neither the table [character] nor [picture] nor [near]",
            hint="put lists of tags into one of the three",
        )
    return Exclusive(*(tuple(_groups(path, tables.get(name, {}))) for name in TABLES))


def _groups(path: str, lists: dict) -> Iterator[frozenset[str]]:
    for name, group in lists.items():
        if not isinstance(group, list) or not all(isinstance(tag, str) for tag in group):
            raise SettingsError(
                f"check.exclusive: {path}: `{name}` is not a list of tags", hint='such as mouth = ["open_mouth"]'
            )
        check_tags(group, f"check.exclusive: {path}: `{name}`")
        yield frozenset(tag.replace(" ", "_") for tag in group)


def verdict(
    request: GenerationRequest,
    read: Iterable[str],
    core: Collection[str],
    body: Collection[str],
    known: Collection[str],
    exclusive: Exclusive,
    bound: float,
) -> Check:
    """read: the tags above their thresholds. core: the character's. body: those of hair, eyes and the like.
    known: every tag that the tagger knows.

    Does not look at pixels: `as_copy` adds that.
    """
    read, asked = set(read), [tag for tag in request.asked if tag in known]
    unknown = tuple(tag for tag in request.asked if tag not in known)
    if not asked:
        return Check(0.0, False, "not_judgeable", not_judgeable=unknown)
    weight = {tag: CORE_WEIGHT if tag in core else WEIGHT for tag in asked}
    found = [tag for tag in asked if tag in read]
    missing = [tag for tag in asked if tag not in read]
    costs: dict[str, int] = {}  # contradicting tag -> the largest weight that it excludes
    for tag in asked:
        for other in (exclusive.costs(tag) & read) - weight.keys():
            costs[other] = max(costs.get(other, 0), weight[tag])
    stays = {*asked, *body} & set(known) - read  # body tags even if not requested: closed eyes
    contradicted = any(exclusive.against_the_character(tag) & read - weight.keys() for tag in stays)
    total = sum(weight[tag] for tag in found) - sum(costs.values())
    score = max(0, total) / sum(weight.values())
    if not set(body) & set(known):  # nothing distinguishes this character from another, or from a smear
        reason = "not_judgeable"
    else:
        reason = "contradiction" if contradicted else "off_character" if score < bound else None
    changes = [tag for tag in request.changes if tag in known]
    if reason is None and request.changes and not read.intersection(changes):
        reason = "copy"
    return Check(score, reason is None, reason, tuple(found), tuple(missing), tuple(sorted(costs)), unknown)


def as_copy(check: Check) -> Check:
    """The verdict on a picture whose pixels nearly equal its parent's or a sibling's."""
    return replace(check, kept=False, reason="copy") if check.kept else check
