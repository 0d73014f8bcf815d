"""The folders of an OUT, checked before anything in them is opened: none may be a link.

An OUT may come from anybody. What prep writes, removes and publishes must be inside OUT, and behind a link it would be
elsewhere. Pictures in kohya/ may be links (export.link); linked.py says which of those are read, and elsewhere.py when
kohya/ itself may be one.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from prep.dataset.elsewhere import is_ours
from prep.errors import UsageError

# The depth at which folders may occur: the pictures themselves are not checked.
DEPTHS = {".prep": 2, "kohya": 1, "generated": 2, "export": 9, "set_aside": 0}


def check_own(out: Path) -> None:
    """Raises UsageError when out is a folder with content that prep did not make."""
    if out.is_dir() and not (out / ".prep").is_dir() and any(entry.name != ".gitkeep" for entry in out.iterdir()):
        raise UsageError(f"{out} contains files that prep did not make", hint="name an empty or a new folder")


def check_folders(out: Path, depths: dict[str, int] = DEPTHS) -> None:
    """Raises UsageError when a folder that prep writes to is a link, or .prep/ has anything but files and folders."""
    try:
        path, what = next(_foreign(out, depths), (None, ""))
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read ({error.strerror})", hint="check its permissions") from None
    if path:
        raise UsageError(
            f"{path} {what}: prep reads and writes only inside {out}",
            hint="remove it, or put the folder itself there",
        )


def _foreign(out: Path, depths: dict[str, int]) -> Iterator[tuple[Path, str]]:
    """(path, what it is) of everything that prep would not have made so."""
    for name, depth in depths.items():
        top = out / name
        if top.is_symlink() and not (name == "kohya" and is_ours(out)):
            yield top, "is a link"
        elif top.is_dir():
            yield from _below(top, depth, files=name == ".prep")
        elif top.exists():
            yield top, "is not a folder"


def _below(folder: Path, depth: int, files: bool) -> Iterator[tuple[Path, str]]:
    """files: whether to check files as well as folders."""
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
