"""What the report reads of a manifest: one small tuple per picture, and the tags of all pictures in three columns.

A tag as a Python object, 40 per picture, would take a hundred times the memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from prep.dataset.opened import Set
from prep.dataset.rows import manifest_columns
from prep.errors import UsageError
from prep.types import is_real, trains

# Why a tag is not in the caption. The first one: it is.
WHYS = ("", "trait", "overlap", "limit", "settings", "filter")
SHOWS = 4  # from here on, what a picture shows does not count

MEASURED = ("check_identity", "check_damage", "check_alike", "asked", "changes", "check_missing")
PLAIN = ("source", "near_of", "width", "height", "complexity", "threshold", "caption_source", "tagger", "generator")
COLUMNS = (*PLAIN, "variant", "manner", "flags", "caption", *MEASURED)


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
    begins: str  # the first item of its caption
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
    """One entry per tag of a picture: of its caption, and of what was removed from it."""

    names: tuple[str, ...]  # the vocabulary: underscored
    picture: np.ndarray  # int32 [K], Picture.at
    tag: np.ndarray  # int32 [K], into names
    why: np.ndarray  # int8 [K], into WHYS

    def where(self, chosen: np.ndarray) -> "Tags":
        """chosen: bool [K]."""
        return Tags(self.names, self.picture[chosen], self.tag[chosen], self.why[chosen])

    @property
    def shown(self) -> "Tags":
        """What the pictures show: also what their captions leave to the trigger word, or have no room for."""
        return self.where(self.why < SHOWS)

    @property
    def written(self) -> "Tags":
        """What the captions say."""
        return self.where(self.why == 0)


def read_pictures(found: Set) -> list[Picture]:
    """In the manifest's order, with the decisions since the last run. Raises UsageError for a damaged manifest."""
    return list(_pictures(found))


def read_tags(found: Set, pictures: int) -> Tags:
    """pictures: how many rows were read. Raises UsageError when a run has written another manifest meanwhile."""
    import pyarrow as pa  # imported here, so that --help does not need it
    import pyarrow.compute as pc

    table = manifest_columns(found.out, ("tags", "removed"))
    if table.num_rows != pictures:
        raise UsageError(f"{found.out} was changed while it was read", hint="run the command again")
    parts, names = [], []
    for column in ("tags", "removed"):
        lists = table.column(column).combine_chunks()
        lists = pa.concat_arrays(lists.chunks) if isinstance(lists, pa.ChunkedArray) else lists
        items = pc.list_flatten(lists)
        whys = np.zeros(len(items), np.int8) if column == "tags" else _whys(pc.struct_field(items, "why"))
        parts.append((pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int32), whys))
        names.append(pc.struct_field(items, "name"))
    coded = pa.concat_arrays(names).dictionary_encode()
    index = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    picture, why = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
    found_tags = Tags(tuple(coded.dictionary.to_pylist()), picture, index, why)
    return found_tags.where((index >= 0) & (why >= 0))


def _whys(column) -> np.ndarray:
    coded = column.dictionary_encode()
    numbers = [WHYS.index(each) if each in WHYS else -1 for each in coded.dictionary.to_pylist()]
    index = coded.indices.fill_null(len(numbers)).to_numpy(zero_copy_only=False)
    return np.array([*numbers, -1], np.int8)[index]


def _pictures(found: Set) -> Iterator[Picture]:
    for at, row in enumerate(found.rows(columns=COLUMNS)):
        yield Picture(
            at=at,
            **{name: row[name] or "" for name in ("image_id", "character", "origin", "status", "reason", "file")},
            **{name: row[name] or "" for name in ("source", "near_of", "complexity", "caption_source", "tagger")},
            **{name: row[name] or "" for name in ("generator", "variant", "manner")},
            width=row["width"] or 0,
            height=row["height"] or 0,
            threshold=row["threshold"],
            begins=(row["caption"] or "").partition(",")[0].strip(),
            identity=row["check_identity"],
            damage=row["check_damage"],
            alike=row["check_alike"],
            **{name: tuple(row[name] or ()) for name in ("flags", "asked", "changes")},
            missing=tuple(row["check_missing"] or ()),
        )
