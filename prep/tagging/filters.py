"""The filter: names and wildcards that never enter a caption. One way of reading such lists, for all of them."""

import fnmatch
import re
from dataclasses import dataclass
from pathlib import Path

from prep.errors import SettingsError
from prep.files import read_file


@dataclass(frozen=True)
class Patterns:
    """Tag names, with `*` for anything; a leading `!` takes names out again."""

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]

    def __contains__(self, name: str) -> bool:
        name = plain(name)
        return _any(name, self.wanted) and not _any(name, self.unwanted)

    @property
    def content(self) -> list[list[str]]:
        """For a recipe: the patterns, not the file that they came from."""
        return [sorted(self.wanted), sorted(self.unwanted)]


def read_patterns(path: str, setting: str) -> Patterns:
    """A file of names: `#` comments, commas or newlines between, spaces and underscores alike.

    Raises SettingsError when it cannot be read. An empty path is an empty list.
    """
    if not path:
        return Patterns((), ())
    try:
        text = read_file(Path(path), follow=True).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{setting}: {path} cannot be read: {error}") from None
    return parse_patterns(text)


def parse_patterns(text: str) -> Patterns:
    lines = (re.sub(r"(^|\s)#.*", "", line) for line in text.splitlines())
    names = [plain(name) for line in lines for name in line.split(",") if name.strip()]
    return Patterns(
        tuple(name for name in names if not name.startswith("!")),
        tuple(name[1:] for name in names if name.startswith("!")),
    )


def plain(name: str) -> str:
    return "_".join(name.strip().lower().split())


def _any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(name == pattern or "*" in pattern and fnmatch.fnmatchcase(name, _star(pattern)) for pattern in patterns)


def _star(pattern: str) -> str:
    """Only `*` is a wildcard: `[` and `?` occur in tags."""
    return re.sub(r"([\[?])", r"[\1]", pattern)
