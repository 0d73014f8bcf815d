"""Files that appear only whole: written beside their place under a short hidden name, then renamed into it.

And files that are read only when they are files: no link is followed, no pipe is waited for, no device is emptied.
"""

import contextlib
import errno
import itertools
import os
import re
import secrets
import shutil
import signal
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from prep.errors import NoRoomError, StoppedError

TEMPORARY = ".prep-"
FULL = (errno.ENOSPC, errno.EDQUOT)
LONGEST_BYTES = 64_000_000  # of a small file: a setting, a page of prep's own state
CAPTION_BYTES = 1_000_000  # a larger file is no caption
CHUNK_BYTES = 64_000_000
PICTURE_BYTES = 2_000_000_000  # of a picture, or a part of the ledger
HALF_WRITTEN = re.compile(re.escape(TEMPORARY) + r"[0-9a-f]{8}-\d+(?:-\d+)?")  # _own, process, number
_own = secrets.token_hex(4)  # nobody can have laid a link under a name that nobody can guess
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
    temporary = path.parent / f"{TEMPORARY}{_own}-{os.getpid()}-{next(_numbers)}"
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
    except BaseException as error:
        with contextlib.suppress(OSError):  # the disk may be gone, or may have become one that is only read
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write(path, error) from error
        raise


class NotAFileError(OSError):
    """A link, a folder, a pipe or a device where a regular file was wanted."""

    def __init__(self, path: Path, what: str = "is not a regular file") -> None:
        super().__init__(errno.EINVAL, what, str(path))

    def __str__(self) -> str:
        return self.strerror


def read_file(path: Path, most_bytes: int = LONGEST_BYTES, follow: bool = False) -> bytes:
    """The bytes of a regular file. follow: also through a link, whose target the caller has looked at.

    Raises FileNotFoundError, NotAFileError for anything but a regular file, other OSErrors, and OSError EFBIG for more
    than most_bytes.
    """
    descriptor, size = _opened(path, os.O_RDONLY, follow)
    try:
        # As much as it holds, for Python reserves what is asked for; then what it has grown by.
        data = os.read(descriptor, size + 1) if size <= most_bytes else b""
        while len(data) != size and len(data) <= most_bytes and size <= most_bytes:
            if not (more := os.read(descriptor, min(most_bytes + 1 - len(data), CHUNK_BYTES))):
                break
            data += more
    finally:
        os.close(descriptor)
    if max(size, len(data)) > most_bytes:
        raise OSError(errno.EFBIG, f"has more than {most_bytes:,} bytes", str(path))
    return data


def open_file(path: Path, flags: int, follow: bool = False) -> int:
    """os.open for a regular file alone -> a descriptor. flags: O_RDONLY, or O_WRONLY | O_CREAT and the like; nothing is
    truncated. Raises as read_file.
    """
    return _opened(path, flags, follow)[0]


def _opened(path: Path, flags: int, follow: bool) -> tuple[int, int]:
    """-> (a descriptor, bytes that the file holds)."""
    if not follow and not hasattr(os, "O_NOFOLLOW") and path.is_symlink():
        raise NotAFileError(path, "is a link")
    # O_NONBLOCK: a pipe that nobody writes to would be waited for.
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | (0 if follow else getattr(os, "O_NOFOLLOW", 0))
    try:
        descriptor = os.open(path, flags, 0o666)
    except ValueError:  # a NUL in it, or half a character
        raise NotAFileError(path, "is no name of a file") from None
    except OSError as error:
        if error.errno == errno.ELOOP and not follow:
            raise NotAFileError(path, "is a link") from None
        if error.errno in (errno.ENXIO, errno.EISDIR):  # a pipe without a reader, a socket; a folder
            raise NotAFileError(path) from None
        raise
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise NotAFileError(path)
    return descriptor, found.st_size


def real_folder(base: Path, *names: str) -> Path:
    """base/names, made where it is missing, none of it a link: what is written there stays inside base.

    Raises StoppedError when one of them is a link or no folder.
    """
    folder = base
    for name in names:
        folder = folder / name
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if folder.is_symlink() or not folder.is_dir():
                what = "is a link" if folder.is_symlink() else "is no folder"
                hint = "take it away, then run again"
                raise StoppedError(f"{folder} {what}: prep writes only inside {base}", hint) from None
    return folder


def move(path: Path, target: Path) -> None:
    """Rename it; where the file system will not, since the target lies on another (EXDEV), copy it and remove it. Some
    that lie over one another rename no folder either.
    """
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.move(path, target)


def named_path(text: object) -> Path:
    """The path that a file of ours names. Raises ValueError for what no file can be called: half a character, a NUL."""
    if not isinstance(text, str) or not text or b"\0" in os.fsencode(text):
        raise ValueError("no name of a file")
    return Path(text)


def is_regular(path: Path) -> bool:
    """Whether it is a file itself, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):  # not there; a name that no file can have
        return False


def check_writable(folder: Path) -> None:
    """Raises OSError when no file can be made in it."""
    probe = folder / f"{TEMPORARY}{_own}-{os.getpid()}"
    probe.write_bytes(b"")
    probe.unlink()


def cannot_write(path: Path, error: OSError) -> StoppedError:
    """The sentence for a failed write. ENOSPC and EDQUOT are told with what is free, and with what is not."""
    if error.errno in FULL:
        folder = next(each for each in (path.parent, *path.absolute().parents) if each.is_dir())
        disk = os.statvfs(folder)
        free = f"{disk.f_bavail * disk.f_frsize / 1e6:,.1f} MB are free"
        if error.errno == errno.EDQUOT:
            full = f"your quota on this disk is used up: {path.name} could not be written, although {free}"
        elif disk.f_files and not disk.f_favail:
            full = f"the disk is full: {path.name} could not be written; {free}, but no inode for another file is"
        else:
            full = f"the disk is full: {path.name} could not be written, {free}"
        return NoRoomError(full, hint="make room and run again; what is done is kept")
    return StoppedError(f"{path.name} could not be written: {error.strerror or error}", hint="run again when it can be")


def sweep(folder: Path) -> None:
    """Remove what a killed process left half written in this folder: files, and links that it was about to place. What
    lies behind a link is not ours, and neither is anything that is not called as write_whole calls it.
    """
    if folder.is_dir() and not folder.is_symlink():
        for entry in os.scandir(folder):
            if HALF_WRITTEN.fullmatch(entry.name) and (entry.is_symlink() or entry.is_file(follow_symlinks=False)):
                Path(entry.path).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
