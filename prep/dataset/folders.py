"""The folders of an OUT, looked at before anything in them is opened: none may be a link.

An OUT may come from anybody. What prep writes, removes and publishes lies by its name inside OUT, and behind a link it
would lie elsewhere. Pictures in kohya/ may be links (export.link); linked.py says which of those are read, and
elsewhere.py when kohya/ itself may be one.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from prep.dataset.elsewhere import is_ours
from prep.errors import UsageError

# How far down there may be folders: the pictures themselves are not looked through.
DEPTHS = {".prep": 2, "kohya": 1, "generated": 2, "export": 9, "set_aside": 0}


def check_folders(out: Path, depths: dict[str, int] = DEPTHS) -> None:
    """Raises UsageError where a folder that prep writes to is a link, and where .prep/ holds anything but files and
    folders.
    """
    try:
        path, what = next(_foreign(out, depths), (None, ""))
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read ({error.strerror})", hint="check its permissions") from None
    if path:
        raise UsageError(
            f"{path} {what}: prep reads and writes only inside {out}",
            hint="take it away, or put the folder itself there",
        )


def _foreign(out: Path, depths: dict[str, int]) -> Iterator[tuple[Path, str]]:
    """(path, what it is) of all that is not as prep makes it."""
    for name, depth in depths.items():
        top = out / name
        if top.is_symlink() and not (name == "kohya" and is_ours(out)):
            yield top, "is a link"
        elif top.is_dir():
            yield from _below(top, depth, files=name == ".prep")
        elif top.exists():
            yield top, "is no folder"


def _below(folder: Path, depth: int, files: bool) -> Iterator[tuple[Path, str]]:
    """files: whether files are looked at as well as folders."""
    if not depth:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                if files or entry.is_dir():
                    yield Path(entry.path), "is a link"
            elif entry.is_dir():
                yield from _below(Path(entry.path), depth - 1, files)
            elif files and not entry.is_file():
                yield Path(entry.path), "is neither a file nor a folder"
