"""What lies in SRC: the files to read, and what became of all others. Each file that was seen has one place here."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from prep.scan.kinds import Kind
from prep.types import Problem


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is to be read. path: relative to SRC, `/` between, undecodable bytes as surrogates."""

    path: str
    character: str
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Left:
    """A file that is not read, or a folder that is passed over."""

    path: str  # a folder's ends in `/`
    kind: Kind
    character: str = ""  # in whose folder it lies; empty: in none


@dataclass(frozen=True)
class Listing:
    files: tuple[Found, ...]  # in byte order of their paths
    left: tuple[Left, ...] = ()  # the other files, but for those that are only counted
    source: str = ""  # the character that SRC itself is, or would be
    counted: Mapping[str, int] = field(default_factory=dict)  # captions, settings, system files
    passed: tuple[Left, ...] = ()  # folders that were not looked into
    numbered: tuple[str, ...] = ()  # folders whose names begin with kohya's repeats
    nested: Mapping[str, int] = field(default_factory=dict)  # character -> its sub-folders with pictures

    @property
    def characters(self) -> list[str]:
        return sorted({found.character for found in self.files})

    @property
    def expected(self) -> list[str]:
        """Those, and each whose folder holds something that could have been a picture."""
        return sorted({*self.characters, *(left.character for left in self.left if left.kind.art and left.character)})

    @property
    def named(self) -> list[str]:
        """Those, and the one that loose pictures would be of: settings may name them."""
        return [*self.expected, *({self.source} - {*self.expected})]

    @property
    def problems(self) -> tuple[tuple[str, Problem], ...]:
        """(path, why it cannot be read) of what should have been read."""
        return tuple((each.path, each.kind.problem) for each in (*self.left, *self.passed) if each.kind.fails)

    @property
    def left_out(self) -> Counter[str]:
        """How many files of each kind are no pictures to read. What is no kind of its own counts by its ending."""
        return Counter(label(each) for each in self.left)


def label(left: Left) -> str:
    name = left.path.rpartition("/")[2]
    return f".{name.rpartition('.')[2].lower()}" if left.kind.name == "other" and "." in name else left.kind.name
