"""What prep wrote into a view, kept in OUT/.prep/export/NAME.json, to tell its own files from the user's.

Nothing here knows what a view contains, or writes to it.
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

MOST_BYTES = 1_000_000_000  # about five million files


@dataclass(frozen=True, slots=True)
class Record:
    """One file that prep wrote. 0.1.0 kept only what it was made of and its size."""

    made_of: str  # empty for a small file, which is compared by its bytes
    stamp: str  # `size time inode` when it was written; in 0.1.0 `size`
    print: str  # its fingerprint: sha256, or the target of a link. Empty in 0.1.0

    def untouched(self, path: Path) -> bool:
        """Whether the file is still there unchanged; it is read only when its stamp differs."""
        if path.is_symlink() or not path.is_file():
            return False
        found = stamp_of(path)
        if not self.print:
            return self.stamp == found.split()[0]
        return self.stamp == found or self.print == fingerprint(path)


class State:
    """files: what the last complete run wrote. coming: what killed runs may have written since."""

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
            pass  # damaged or missing: then nothing is known to be ours

    @property
    def names(self) -> set[str]:
        return {*self.files, *self.coming}

    def announce(self, prints: dict[str, str]) -> None:
        """Call before anything is written. prints: fingerprints of the coming files; empty where not known yet."""
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
        """Whether the file at path is what prep wrote there, or has one of the fingerprints in `more`."""
        record, found = self.files.get(name), fingerprint(path)
        if found in {*more, *self.coming.get(name, ()), record.print if record else ""}:
            return True
        # From 0.1.0: the size is enough for a picture or a shard, but not for a caption.
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
    """Whether it is a relative path with `/` that stays inside its folder."""
    path = PurePosixPath(name)
    try:
        return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False


def _record(value: Any) -> Record:
    if isinstance(value, str):  # from 0.1.0: "made of; size"
        made_of, _, size = value.rpartition("; ")
        return Record(made_of, size, "")
    made_of, stamp, print_ = value
    return Record(str(made_of), str(stamp), str(print_))
