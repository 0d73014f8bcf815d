"""A folder of kohya/ as it was listed: its files, each with its stat. In columns, 60 bytes a file and its name."""

import os
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from prep.blocks import batched
from prep.index import Index, values
from prep.system import in_64_bits, numbers_of, stat_of


class Stat(NamedTuple):
    """What a listing says about a file: when it is unchanged, so is the content."""

    bytes: int
    mtime_ns: int
    inode: int
    changed_ns: int  # st_ctime_ns; 0 for a link: the rest is its target's

    @classmethod
    def of(cls, status: os.stat_result, link: bool = False) -> "Stat":
        return cls(*numbers_of(status), 0 if link else in_64_bits(status.st_ctime_ns))


FIELDS = len(Stat._fields)


class Listing(Mapping[str, Stat]):
    """Name -> stat, of the files in a folder."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self._stats = array("q")
        # Bytes, since names need not be UTF-8.
        parts = [pa.array(part, pa.binary()) for part in batched(self._listed(folder))]
        self._names = pa.concat_arrays([pa.array([], pa.binary()), *parts])
        self._index = Index(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return map(os.fsdecode, values(self._names))

    def __contains__(self, name: object) -> bool:
        return self._index.find(os.fsencode(name)) is not None

    def __getitem__(self, name: str) -> Stat:
        if (found := self.get(name)) is None:
            raise KeyError(name)
        return found

    def get(self, name: str, default: None = None) -> Stat | None:
        """As a dictionary does; Mapping's own would raise and catch an error for each name that is not there."""
        at = self._index.find(os.fsencode(name))
        return default if at is None else Stat(*self._stats[at * FIELDS : (at + 1) * FIELDS])

    def _listed(self, folder: Path) -> Iterator[bytes]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file():
                    self._stats.extend(Stat.of(stat_of(entry), entry.is_symlink()))
                    yield os.fsencode(entry.name)
