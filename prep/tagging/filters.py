"""The filter: names and wildcards that never enter a caption. The one reader for all such lists."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from prep.errors import SettingsError
from prep.files import NotAFileError, read_file, what_is
from prep.names import underscored
from prep.options import check_tags
from prep.tagging.aliases import other_name

LIST_BYTES = 4_000_000  # all of Danbooru's general tags are 1 MB
EXAMPLE = "name a text file with one tag per line"
MOST_WILDCARDS = 1_000  # each is compared with each tag


@dataclass(frozen=True)
class Patterns:
    """Tag names, with `*` for anything; a leading `!` excludes names again. A renamed tag is meant by either name."""

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]

    def __contains__(self, name: str) -> bool:
        name = underscored(name)
        names = (name, other_name(name) or name)
        return any(each in self._wanted for each in names) and not any(each in self._unwanted for each in names)

    @cached_property
    def _wanted(self) -> "_Names":
        return _Names(self.wanted)

    @cached_property
    def _unwanted(self) -> "_Names":
        return _Names(self.unwanted)

    @property
    def content(self) -> list[list[str]]:
        """For a recipe: the patterns, not the path of their file."""
        return [sorted(self.wanted), sorted(self.unwanted)]


class _Names:
    """Names as they are, and those with a wildcard."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self.exact = frozenset(patterns)
        self.wild = [pattern.split("*") for pattern in self.exact if "*" in pattern]

    def __contains__(self, name: str) -> bool:
        return name in self.exact or any(_matches(name, *pieces) for pieces in self.wild)


def _matches(name: str, first: str, *pieces: str) -> bool:
    """Whether name has the pieces in this order, the first and the last at its ends. Only `*` is a wildcard, since `[`
    and `?` occur in tags. Each piece is matched at its first occurrence, so that no name takes long.
    """
    *middle, last = pieces
    if not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for piece in middle:
        found = name.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return at <= end


def read_patterns(path: str, setting: str) -> Patterns:
    """A file of names: `#` comments, commas or newlines as separators, spaces equal to underscores.

    Raises SettingsError when it cannot be read, or has more than LIST_BYTES or MOST_WILDCARDS. An empty path is an
    empty list.
    """
    if not path:
        return Patterns((), ())
    try:
        patterns = parse_patterns(read_file(Path(path), LIST_BYTES, follow=True).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SettingsError(f"{setting}: {path} is not UTF-8 (byte {error.start})", hint="save it as UTF-8") from None
    except NotAFileError as error:
        raise SettingsError(f"{setting}: {path} {error}", hint=EXAMPLE) from None
    except OSError as error:
        why = what_is(Path(path)) or f"cannot be read: {error.strerror or error}"
        raise SettingsError(f"{setting}: {path} {why}", hint=EXAMPLE) from None
    check_tags((*patterns.wanted, *patterns.unwanted), f"{setting}: {path}")
    wild = sum("*" in pattern for pattern in (*patterns.wanted, *patterns.unwanted))
    if wild > MOST_WILDCARDS:
        raise SettingsError(
            f"{setting}: {path} has {wild:,} patterns with `*`; prep accepts at most {MOST_WILDCARDS:,}",
            hint="write full names, or fewer and broader patterns",
        )
    return patterns


def parse_patterns(text: str) -> Patterns:
    lines = (re.sub(r"(^|\s)#.*", "", line) for line in text.splitlines())
    names = [underscored(name) for line in lines for name in line.split(",") if name.strip()]
    return Patterns(
        tuple(name for name in names if not name.startswith("!")),
        tuple(name[1:] for name in names if name.startswith("!")),
    )
