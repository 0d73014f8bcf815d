"""The folders of an OUT, looked at before anything in them is opened: none may be a link.

An OUT may come from anybody. What prep writes, removes and publishes lies by its name inside OUT, and behind a link it
would lie elsewhere. Pictures in kohya/ may be links (export.link); linked.py says which of those are read.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from prep.errors import UsageError

# How far down there may be folders: the pictures themselves are not looked through.
DEPTHS = {".prep": 2, "kohya": 1, "generated": 2, "export": 9, "set_aside": 0}


def check_folders(out: Path, depths: dict[str, int] = DEPTHS) -> None:
    """Raises UsageError where a folder that prep writes to, or anything in .prep/, is a link."""
    for name, depth in depths.items():
        top = out / name
        if top.is_symlink():
            raise _refused(out, top, "is a link")
        if top.exists() and not top.is_dir():
            raise _refused(out, top, "is no folder")
        if depth and top.is_dir():
            _check_inside(out, top, depth)


def _check_inside(out: Path, top: Path, depth: int) -> None:
    try:
        link = next(_links(top, depth, files=top.name == ".prep"), None)
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read ({error.strerror})", hint="check its permissions") from None
    if link:
        raise _refused(out, link, "is a link")


def _links(folder: Path, depth: int, files: bool) -> Iterator[Path]:
    """Links to folders under the folder; with files, every link."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                if files or entry.is_dir():
                    yield Path(entry.path)
            elif depth > 1 and entry.is_dir():
                yield from _links(Path(entry.path), depth - 1, files)


def _refused(out: Path, path: Path, what: str) -> UsageError:
    return UsageError(
        f"{path} {what}: prep reads and writes only inside {out}",
        hint="take it away, or put the folder itself there",
    )
