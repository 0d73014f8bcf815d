"""Files that appear only whole: written beside their place under a short hidden name, then renamed into it."""

import errno
import itertools
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from prep.errors import NoRoomError, StoppedError

TEMPORARY = ".prep-"
FULL = (errno.ENOSPC, errno.EDQUOT)
_numbers = itertools.count()
_passed: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """A place where a test lets the run die: PREP_CRASH=NAME:N is a kill -9 when it comes by for the N-th time."""
    wanted, _, number = os.environ.get("PREP_CRASH", "").partition(":")
    if wanted == name:
        _passed[name] += 1
        if _passed[name] == int(number or 1):
            os.kill(os.getpid(), signal.SIGKILL)


def write_whole(path: Path, data: bytes | Callable[[Path], None], sync: bool = False) -> None:
    """Write bytes, or let a function write a file, and rename it to path.

    sync: also survive a power cut (the ledger needs it; pictures can be made again).
    Raises NoRoomError when the disk is full, StoppedError when the folder cannot be written.
    """
    temporary = path.parent / f"{TEMPORARY}{os.getpid()}-{next(_numbers)}"
    try:
        if callable(data):
            data(temporary)
        else:
            temporary.write_bytes(data)
        if sync:
            _sync(temporary)
        crash_point("before rename")
        temporary.replace(path)
        crash_point("after rename")
        if sync:
            _sync(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise cannot_write(path, error) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_caption(path: Path, text: str) -> None:
    """Write a sidecar, if it does not say this already: UTF-8 without BOM, no newline at the end.

    An empty caption is a lone newline, since sd-scripts rejects a file of 0 bytes.
    """
    data = (text or "\n").encode("utf-8", "backslashreplace")
    try:
        same = path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        same = False
    if not same:
        write_whole(path, data)


def cannot_write(path: Path, error: OSError) -> StoppedError:
    """The sentence for a failed write. ENOSPC and EDQUOT are told with what is free."""
    if error.errno in FULL:
        disk = os.statvfs(path.parent)
        free = disk.f_bavail * disk.f_frsize
        return NoRoomError(
            f"the disk is full: {path.name} could not be written, {free / 1e6:,.1f} MB are free",
            hint="make room and run again; what is done is kept",
        )
    return StoppedError(f"{path.name} could not be written: {error.strerror or error}", hint="run again when it can be")


def sweep(folder: Path) -> None:
    """Remove what a killed process left half written in this folder."""
    if folder.is_dir():
        for entry in os.scandir(folder):
            if entry.name.startswith(TEMPORARY):
                Path(entry.path).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
