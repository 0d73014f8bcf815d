"""The content of SRC: the files to read, and what happens to all others. Each file is listed exactly once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from prep.scan.kinds import Kind
from prep.types import Problem


class Found(NamedTuple):
    """A file to read. path: relative to SRC, with `/` as separator and undecodable bytes as surrogates."""

    path: str
    character: str
    size: int
    mtime_ns: int
    inode: int
    variant: str = ""  # the first folder below the character's; empty: none


@dataclass(frozen=True, slots=True)
class Left:
    """A file that is not read, or a folder that is skipped."""

    path: str  # a folder's ends in `/`
    kind: Kind
    character: str = ""  # whose folder it is in; empty: none
    variant: str = ""  # and the first folder below that


@dataclass(frozen=True)
class Listing:
    files: Sequence[Found]  # in byte order of their paths
    left: tuple[Left, ...] = ()  # the other files, except those that are only counted
    source: str = ""  # the character that SRC itself is, or would be
    counted: Mapping[str, int] = field(default_factory=dict)  # captions, settings, system files
    passed: tuple[Left, ...] = ()  # folders that were skipped
    numbered: tuple[str, ...] = ()  # folders whose names begin with kohya's repeats
    nested: Mapping[str, int] = field(default_factory=dict)  # character -> its sub-folders with pictures

    @cached_property
    def characters(self) -> list[str]:
        return sorted({found.character for found in self.files})

    @cached_property
    def expected(self) -> list[str]:
        """These characters, and each one whose folder has a file that could have been a picture."""
        return sorted({*self.characters, *(left.character for left in self.left if left.kind.art and left.character)})

    @property
    def named(self) -> list[str]:
        """These, and the one that loose pictures would belong to: settings may name it."""
        return [*self.expected, *({self.source} - {*self.expected})]

    @cached_property
    def variants(self) -> dict[str, list[str]]:
        """Character -> its variants: sub-folders with a picture, or with a file that could have been one."""
        art = (each for each in self.left if each.kind.art)
        found = {(each.character, each.variant) for each in (*self.files, *art) if each.variant}
        variants: dict[str, list[str]] = {}
        for character, variant in sorted(found):
            variants.setdefault(character, []).append(variant)
        return variants

    @property
    def problems(self) -> tuple[tuple[str, Problem], ...]:
        """(path, why it cannot be read) of files that should have been read."""
        return tuple((each.path, each.kind.problem) for each in (*self.left, *self.passed) if each.kind.fails)

    @property
    def left_out(self) -> Counter[str]:
        """The number of files of each kind that are not pictures to read. Files of no kind count by their ending."""
        return Counter(label(each) for each in self.left)


def label(left: Left) -> str:
    name = left.path.rpartition("/")[2]
    return f".{name.rpartition('.')[2].lower()}" if left.kind.name == "other" and "." in name else left.kind.name
