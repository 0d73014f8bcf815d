"""What the report reads of a set: one small tuple per picture, and the tags of all pictures in three columns.

A tag as a Python object, 40 per picture, would take a hundred times the memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from sys import intern
from typing import NamedTuple

import numpy as np

from prep.blocks import batched
from prep.dataset.opened import Set
from prep.dataset.rows import manifest_columns
from prep.edits.decisions import Decisions
from prep.edits.merge import items
from prep.errors import UsageError
from prep.report.captions import split, triggers_of
from prep.types import is_real, trains

# Why a tag is not in the caption. The first one: it is. sentence: prep found it, but the caption is no list of tags.
WHYS = ("", "trait", "overlap", "limit", "sentence", "settings", "filter", "category", "crop")
SHOWS = 5  # from here on, what a picture shows does not count

MEASURED = ("check_identity", "check_damage", "check_alike", "asked", "changes", "check_missing")
PLAIN = ("source", "near_of", "width", "height", "complexity", "threshold", "caption_source", "tagger", "generator",
         "format", "bytes")  # fmt: skip
# Texts that many pictures have.
OFTEN = ("character", "origin", "status", "reason", "complexity", "caption_source", "tagger", "generator", "variant",
         "manner", "format")  # fmt: skip
COLUMNS = (*PLAIN, "variant", "manner", "flags", "caption", "second_tagger", "disagreements", *MEASURED)


class Picture(NamedTuple):
    """One row. Names are the manifest's."""

    at: int  # its place among the rows
    image_id: str
    character: str
    origin: str
    status: str
    reason: str
    file: str
    flags: tuple[str, ...]
    caption: str  # its .txt's text as it is now, if it trains; else the manifest's
    source: str
    near_of: str
    width: int
    height: int
    complexity: str
    threshold: float | None
    caption_source: str
    tagger: str
    generator: str
    variant: str
    manner: str
    identity: float | None
    damage: float | None
    alike: float | None
    asked: tuple[str, ...]
    changes: tuple[str, ...]
    missing: tuple[str, ...]
    format: str = ""
    bytes: int = 0
    triggers: tuple[str, ...] = ()  # words of its caption that are no tags
    listed: str = ""  # its tags, where the caption is another text made of them (captions.for)
    second: str = ""  # the second reader
    disagrees: tuple[str, ...] = ()  # tags about which the two readers differ

    @property
    def begins(self) -> str:
        """The first item of its caption."""
        return (self.listed or self.caption).partition(",")[0].strip()

    @property
    def real(self) -> bool:
        return is_real(self.origin)

    @property
    def kept(self) -> bool:
        return self.real and self.status == "kept"

    @property
    def trains(self) -> bool:
        return trains(self.origin, self.status)


@dataclass(frozen=True)
class Tags:
    """One entry per tag of a picture: of its caption as it is now, and of what prep removed from it."""

    names: tuple[str, ...]  # the vocabulary: underscored
    picture: np.ndarray  # int32 [K], Picture.at
    tag: np.ndarray  # int32 [K], into names
    why: np.ndarray  # int8 [K], into WHYS
    sentences: frozenset[int] = frozenset()  # Picture.at of those whose caption is no list of tags

    def where(self, chosen: np.ndarray) -> "Tags":
        """chosen: bool [K]."""
        return Tags(self.names, self.picture[chosen], self.tag[chosen], self.why[chosen], self.sentences)

    @property
    def shown(self) -> "Tags":
        """What the pictures show: also what their captions leave to the trigger word, or have no room for."""
        return self.where(self.why < SHOWS)

    @property
    def written(self) -> "Tags":
        """What the captions say."""
        return self.where(self.why == 0)


def read_pictures(found: Set) -> Sequence[Picture]:
    """In the manifest's order, with the decisions since the last run. Raises UsageError for a damaged manifest."""
    return list(_pictures(found))


def read_tags(found: Set, pictures: Sequence[Picture]) -> Tags:
    """pictures: all rows. Raises UsageError when a run has written another manifest meanwhile."""
    import pyarrow as pa  # imported here, so that --help does not need it
    import pyarrow.compute as pc

    table = manifest_columns(found.out, ("tags", "removed"))
    if table.num_rows != len(pictures):
        raise UsageError(f"{found.out} was changed while it was read", hint="run the command again")
    parts, names = [], []
    for column in ("tags", "removed"):
        lists = table.column(column).combine_chunks()
        lists = pa.concat_arrays(lists.chunks) if isinstance(lists, pa.ChunkedArray) else lists
        entries = pc.list_flatten(lists)
        sentence = np.full(len(entries), WHYS.index("sentence"), np.int8)
        whys = sentence if column == "tags" else _whys(pc.struct_field(entries, "why"))
        parts.append((pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int32), whys))
        names.append(pc.struct_field(entries, "name"))
    coded = pa.concat_arrays(names).dictionary_encode()
    index = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    picture, why = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
    by_prep = Tags(tuple(coded.dictionary.to_pylist()), picture, index, why)
    return _as_captioned(by_prep.where((index >= 0) & (why >= 0)), pictures)


def _as_captioned(by_prep: Tags, pictures: Sequence[Picture]) -> Tags:
    """What the captions say now, and of what prep found in each picture the rest."""
    captions = ((each.at, each.listed or each.caption, each.triggers) for each in pictures if each.trains)
    written = split(captions, by_prep.names)
    picture, tag = (np.array(each, np.int32) for each in (written.picture, written.tag))
    wide = len(written.names)
    there = np.isin(_pairs(by_prep.picture, by_prep.tag, wide), _pairs(picture, tag, wide))
    in_words = np.isin(by_prep.picture, np.array(sorted(written.sentences), np.int32))
    rest = by_prep.where(~there & (in_words | (by_prep.why != WHYS.index("sentence"))))
    return Tags(
        tuple(written.names),
        np.concatenate([picture, rest.picture]),
        np.concatenate([tag, rest.tag]),
        np.concatenate([np.zeros(len(tag), np.int8), rest.why]),
        written.sentences,
    )


def _pairs(picture: np.ndarray, tag: np.ndarray, wide: int) -> np.ndarray:
    """int64 [K]: a number for each picture with a tag. wide: how many tags there are."""
    return picture.astype(np.int64) * wide + tag


def _whys(column) -> np.ndarray:
    coded = column.dictionary_encode()
    numbers = [WHYS.index(each) if each in WHYS else -1 for each in coded.dictionary.to_pylist()]
    index = coded.indices.fill_null(len(numbers)).to_numpy(zero_copy_only=False)
    return np.array([*numbers, -1], np.int8)[index]


def _pictures(found: Set) -> Iterator[Picture]:
    decisions = Decisions(found.ledger)
    lists = decisions.lists(row["picture"] for row in found.rows(columns=()))
    rows = chain.from_iterable(
        zip(block, triggers_of(decisions, [row["picture"] for row in block]), strict=True)
        for block in batched(found.rows(columns=COLUMNS))
    )
    same: dict[tuple[str, ...], tuple[str, ...]] = {}  # equal trigger words are one object
    for at, (row, triggers) in enumerate(rows):
        by_prep = row["caption"] or ""
        now = found.caption(row) if trains(row["origin"], row["status"]) else by_prep
        words = triggers or tuple(items(by_prep)[:1])
        yield Picture(
            at=at,
            **{name: row[name] or "" for name in ("image_id", "file", "source", "near_of")},
            **{name: intern(row[name] or "") for name in OFTEN},
            width=row["width"] or 0,
            height=row["height"] or 0,
            threshold=row["threshold"],
            caption=now or "",
            triggers=same.setdefault(words, words),
            listed=lists.get(row["picture"], ""),
            bytes=row["bytes"] or 0,
            identity=row["check_identity"],
            damage=row["check_damage"],
            alike=row["check_alike"],
            **{name: tuple(map(intern, row[name] or ())) for name in ("flags", "asked", "changes")},
            missing=tuple(row["check_missing"] or ()),
            second=row["second_tagger"] or "",
            disagrees=tuple(intern(each["name"]) for each in row["disagreements"] or ()),
        )
