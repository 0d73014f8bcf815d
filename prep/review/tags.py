"""The tags of a set: how often each is there, by group, and completion while one is typed."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prep.captions.groups import TITLES, group_of
from prep.documents import read_named
from prep.edits.merge import key
from prep.errors import SettingsError
from prep.files import read_file
from prep.review.board import Board

CSV_BYTES = 50_000_000  # all of Danbooru's tags with aliases are 5 MB
CSV_COLUMNS = 4  # name, category, posts, aliases: as tagcomplete has them


class Known(NamedTuple):
    """A tag that can be completed."""

    tag: str  # as captions have it
    posts: int | None  # on Danbooru
    alias: str | None  # that it was found by


def exclusive_sets(path: str) -> dict[str, frozenset[str]]:
    """Of check.exclusive: a set's name in words, such as `hair colour` -> its tags."""
    tables = read_named(path, "check.exclusive")
    return {
        name.replace("_", " "): frozenset(map(key, tags))
        for table in ("character", "picture")
        for name, tags in tables.get(table, {}).items()
    }


def tag_list(
    board: Board, counts: Counter[str], triggers: Iterable[str], exclusive: Mapping[str, frozenset[str]]
) -> list[dict[str, Any]]:
    """Groups in the order of TITLES, each with its tags, the most frequent first. exclusive: see exclusive_sets.

    A tag's set is the first one of which another tag of its group is there.
    """
    words = {*map(key, triggers)}
    groups: dict[str, list[str]] = {name: [] for name in TITLES}
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        groups["trigger" if name in words else group_of(name)].append(name)

    def entry(name: str, beside: set[str]) -> dict[str, Any]:
        sets = (title for title, tags in exclusive.items() if name in tags and len(tags & beside) > 1)
        return {"tag": board.spelt[name], "count": counts[name], "exclusive": next(sets, None)}

    return [
        {"name": name, "title": TITLES[name], "tags": [entry(tag, {*tags}) for tag in tags]}
        for name, tags in groups.items()
        if tags
    ]


class Completion:
    """Tags by what is typed: those of the set, the tagger's vocabulary, and those of a csv."""

    def __init__(self) -> None:
        self.vocabulary: dict[str, str] = {}  # tag -> as captions have it
        self.posts: dict[str, int] = {}
        self.aliases: dict[str, str] = {}  # alias -> tag

    def learn(self, tags: Iterable[str]) -> None:
        self.vocabulary |= {key(tag): tag for tag in tags}

    def read_csv(self, path: str) -> None:
        """Raises SettingsError when it is no csv of tags."""
        for name, posts, aliases in _rows(path):
            tag = key(name)
            self.vocabulary.setdefault(tag, tag)
            self.posts[tag] = posts
            self.aliases |= {key(alias): tag for alias in aliases if alias.strip()}

    def find(self, typed: str, counts: Mapping[str, int], spelt: Mapping[str, str], most: int) -> list[dict[str, Any]]:
        """Those that begin with it, then those with a word that does, then an alias; the most frequent first."""
        wanted = key(typed)
        if not wanted:
            found = sorted(counts, key=lambda name: (-counts[name], name))[:most]
            return [self._item(name, counts, spelt, None) for name in found]
        ranked: dict[str, tuple[int, str | None]] = {}
        for name in {**self.vocabulary, **counts}:
            if (place := _place(name, wanted)) is not None:
                ranked[name] = place, None
        for alias, name in self.aliases.items():
            if name not in ranked and alias.startswith(wanted):
                ranked[name] = 2, alias

        def order(name: str) -> tuple:
            return ranked[name][0] > 1, -counts.get(name, 0), ranked[name][0], -self.posts.get(name, 0), name

        return [self._item(name, counts, spelt, ranked[name][1]) for name in sorted(ranked, key=order)[:most]]

    def _item(
        self, name: str, counts: Mapping[str, int], spelt: Mapping[str, str], alias: str | None
    ) -> dict[str, Any]:
        tag = spelt.get(name) or self.vocabulary.get(name, name)
        return {"tag": tag, "count": counts.get(name, 0), "posts": self.posts.get(name), "alias": alias}


def _place(name: str, wanted: str) -> int | None:
    """0: it begins with what is wanted; 1: one of its words does."""
    if name.startswith(wanted):
        return 0
    return 1 if f" {wanted}" in name else None


def _rows(path: str) -> Iterator[tuple[str, int, Sequence[str]]]:
    try:
        text = read_file(Path(path), CSV_BYTES, follow=True).decode("utf-8-sig")
        for row in csv.reader(io.StringIO(text, newline="")):
            if row and row[0].strip() and "," not in row[0]:
                posts = row[2] if len(row) > 2 else "0"
                aliases = row[3].split(",") if len(row) >= CSV_COLUMNS else ()
                yield row[0], int(posts) if posts.isdecimal() else 0, aliases
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            f"review.tags: {path} cannot be read: {why}", hint="name a csv of tags: name, category, posts, aliases"
        ) from None
