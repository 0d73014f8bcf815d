"""What prep wrote into a view, kept in OUT/.prep/export/NAME.json: so it knows its own files from a person's.

Nothing here knows what lies in a view, or writes there.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from prep.aside import fingerprint
from prep.documents import parse_json
from prep.files import read_file, write_whole

MOST_BYTES = 1_000_000_000  # some five million files


@dataclass(frozen=True, slots=True)
class Record:
    """One file that prep wrote. 0.1.0 kept what it was made of and its size alone."""

    made_of: str  # empty: a small file, compared by its bytes
    stamp: str  # `size time inode` as it was written; by 0.1.0 `size`
    print: str  # its fingerprint: sha256, or where a link leads. Empty: by 0.1.0

    def untouched(self, path: Path) -> bool:
        """Whether that file stands there, told without reading it where that can be."""
        if path.is_symlink() or not path.is_file():
            return False
        found = stamp_of(path)
        if not self.print:
            return self.stamp == found.split()[0]
        return self.stamp == found or self.print == fingerprint(path)


class State:
    """files: what the last whole run wrote. coming: what runs that were killed since may have written over it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, Record] = {}
        self.coming: dict[str, list[str]] = {}
        self._kept = b""
        try:
            self._kept = read_file(path, MOST_BYTES)
            found = parse_json(self._kept)
            self.files = {name: _record(value) for name, value in found["files"].items() if inside(name)}
            coming = found.get("coming", {}).items()
            self.coming = {name: [str(each) for each in prints] for name, prints in coming if inside(name)}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # broken, or not there: then nothing is known to be ours

    @property
    def names(self) -> set[str]:
        return {*self.files, *self.coming}

    def announce(self, prints: dict[str, str]) -> None:
        """Before anything is written. prints: fingerprints of what comes; empty where they are not known yet."""
        self.coming = {
            name: sorted({*self.coming.get(name, ()), *([prints[name]] if prints.get(name) else ())})
            for name in {*self.coming, *prints}
        }
        if self.coming:
            self._save()

    def finish(self, files: dict[str, Record]) -> None:
        self.files, self.coming = files, {}
        self._save()

    def owns(self, name: str, path: Path, more: Iterable[str] = ()) -> bool:
        """Whether what stands at path is what prep wrote there, or has one of more fingerprints."""
        record, found = self.files.get(name), fingerprint(path)
        if found in {*more, *self.coming.get(name, ()), record.print if record else ""}:
            return True
        # By 0.1.0: its size is enough for a picture or a shard, and says too little of a caption.
        return bool(record and not record.print and record.made_of and record.untouched(path))

    def _save(self) -> None:
        content: dict[str, Any] = {"files": {name: astuple(record) for name, record in self.files.items()}}
        if self.coming:
            content["coming"] = self.coming
        data = json.dumps(content, indent=0, sort_keys=True).encode()
        if data != self._kept:
            write_whole(self.path, data)
            self._kept = data


def stamp_of(path: Path) -> str:
    """`size time inode` of the file or link itself."""
    found = path.lstat()
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"


def inside(name: str) -> bool:
    """Whether it is the name of a file below a folder, with `/` between."""
    path = PurePosixPath(name)
    try:
        return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False


def _record(value: Any) -> Record:
    if isinstance(value, str):  # by 0.1.0: "made of; size"
        made_of, _, size = value.rpartition("; ")
        return Record(made_of, size, "")
    made_of, stamp, print_ = value
    return Record(str(made_of), str(stamp), str(print_))
