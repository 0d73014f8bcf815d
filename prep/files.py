"""Write files so that they appear only complete: under a short hidden name in the same folder, then renamed.

Read only regular files: never follow a link, wait for a pipe or read a device.
"""

import contextlib
import errno
import itertools
import os
import re
import secrets
import shutil
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from prep.errors import NoRoomError, StoppedError
from prep.system import die_at_once, open_flags, refuses_links, remove, rename, replace, room
from prep.system import sync as _sync  # write_whole has an argument of that name

TEMPORARY = ".prep-"
NO_FILE, IS_FOLDER = "is not a regular file", "is a folder"
FULL = (errno.ENOSPC, errno.EDQUOT)
LONGEST_BYTES = 64_000_000  # for a small file: settings, or prep's own state
CAPTION_BYTES = 1_000_000  # a larger file is not a caption
CHUNK_BYTES = 64_000_000
PICTURE_BYTES = 2_000_000_000  # for a picture, or a part of the ledger
HALF_WRITTEN = re.compile(re.escape(TEMPORARY) + r"[0-9a-f]{8}-\d+(?:-\d+)?")  # _own, process, number
_own = secrets.token_hex(4)  # an unguessable name, so that nobody can have put a link there
_numbers = itertools.count()
_passed: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """A point where tests kill the run: PREP_CRASH=NAME:N is a kill -9 when it is reached for the N-th time."""
    wanted, _, number = os.environ.get("PREP_CRASH", "").partition(":")
    if wanted == name:
        _passed[name] += 1
        if _passed[name] == int(number or 1):
            die_at_once()


def write_whole(path: Path, data: bytes | Callable[[Path], None], sync: bool = False) -> None:
    """Write bytes, or let a function write a file, and rename it to path.

    sync: also survive a power cut (the ledger needs this; pictures can be made again).
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
        replace(temporary, path)
        crash_point("after rename")
        if sync:
            _sync(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):  # the disk may be gone, or may have become read-only
            remove(temporary)
        if isinstance(error, OSError):
            raise cannot_write(path, error) from error
        raise


class NotAFileError(OSError):
    """A link, folder, pipe or device where a regular file was expected."""

    def __init__(self, path: Path, what: str = NO_FILE) -> None:
        super().__init__(errno.EINVAL, what, str(path))

    def __str__(self) -> str:
        return self.strerror


def read_file(path: Path, most_bytes: int = LONGEST_BYTES, follow: bool = False) -> bytes:
    """The bytes of a regular file. follow: also through a link, whose target the caller has checked.

    Raises FileNotFoundError, NotAFileError for anything but a regular file, other OSErrors, and OSError EFBIG for more
    than most_bytes.
    """
    descriptor, size = _opened(path, os.O_RDONLY, follow)
    try:
        # First its present size, since Python allocates what is requested; then anything it has grown by.
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
    """os.open for regular files only -> a descriptor. flags: O_RDONLY, or O_WRONLY | O_CREAT and the like; nothing is
    truncated. Raises like read_file.
    """
    return _opened(path, flags, follow)[0]


def _opened(path: Path, flags: int, follow: bool) -> tuple[int, int]:
    """-> (a descriptor, bytes that the file holds)."""
    if not follow and not refuses_links() and path.is_symlink():
        raise NotAFileError(path, "is a link")
    try:
        descriptor = os.open(path, flags | open_flags(follow), 0o666)
    except ValueError:  # a NUL, or half a character
        raise NotAFileError(path, "is not a valid file name") from None
    except OSError as error:
        if error.errno == errno.ELOOP and not follow:
            raise NotAFileError(path, "is a link") from None
        if error.errno in (errno.ENXIO, errno.EISDIR):  # a pipe without a reader, a socket; a folder
            raise NotAFileError(path, IS_FOLDER if error.errno == errno.EISDIR else NO_FILE) from None
        raise
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise NotAFileError(path, IS_FOLDER if stat.S_ISDIR(found.st_mode) else NO_FILE)
    return descriptor, found.st_size


def real_folder(base: Path, *names: str) -> Path:
    """base/names, created if missing, without any links: what is written there stays inside base.

    Raises StoppedError when one of them is a link, not a folder or cannot be made; NoRoomError when the disk is full.
    """
    folder = base
    for name in names:
        folder = folder / name
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if folder.is_symlink() or not folder.is_dir():
                what = "is a link" if folder.is_symlink() else "is not a folder"
                hint = "remove it, then run again"
                raise StoppedError(f"{folder} {what}: prep writes only inside {base}", hint) from None
        except OSError as error:
            raise cannot_write(folder, error) from error
    return folder


def move(path: Path, target: Path) -> None:
    """Rename it; if the file system refuses because the target is on another one (EXDEV), copy it and remove it. Some
    overlay file systems cannot rename folders either.
    """
    try:
        rename(path, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.move(path, target)


def named_path(text: object) -> Path:
    """The path named in one of prep's files. Raises ValueError for an impossible file name: half a character, a NUL."""
    if not isinstance(text, str) or not text or b"\0" in os.fsencode(text):
        raise ValueError("not a valid file name")
    return Path(text)


def is_regular(path: Path) -> bool:
    """Whether it is a regular file, and not a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):  # missing, or an impossible name
        return False


def what_is(path: Path) -> str:
    """Why no regular file can be read here, also through a link, as a clause after its name; empty: one is there."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return f"is a link to {path.readlink()}, which does not exist" if path.is_symlink() else "does not exist"
    except (OSError, ValueError, RuntimeError) as error:
        known = {errno.ELOOP: "is a link to itself", errno.ENAMETOOLONG: "does not exist: its name is too long"}
        if what := known.get(getattr(error, "errno", 0)):
            return what
        return f"cannot be read ({getattr(error, 'strerror', None) or error})"
    if stat.S_ISREG(mode):
        return ""
    return IS_FOLDER if stat.S_ISDIR(mode) else "is neither a file nor a folder"


def check_writable(folder: Path) -> None:
    """Raises OSError when no file can be created in it."""
    probe = folder / f"{TEMPORARY}{_own}-{os.getpid()}"
    probe.write_bytes(b"")
    probe.unlink()


def cannot_write(path: Path, error: OSError) -> StoppedError:
    """The error for a failed write. For ENOSPC and EDQUOT it says what is free and what is used up."""
    if error.errno in FULL:
        folder = next(each for each in (path.parent, *path.absolute().parents) if each.is_dir())
        bytes_free, inodes = room(folder)
        free = f"{bytes_free / 1e6:,.1f} MB are free"
        if error.errno == errno.EDQUOT:
            full = f"your quota on this disk is used up: {path.name} could not be written, although {free}"
        elif not inodes:
            full = f"the disk is full: {path.name} could not be written; {free}, but there are no inodes left"
        else:
            full = f"the disk is full: {path.name} could not be written, {free}"
        return NoRoomError(full, hint="free some space and run again; finished work is kept")
    if path.is_dir() and not path.is_symlink():
        return StoppedError(
            f"{path} is a folder, where prep writes a file", hint="move it away or rename it, then run again"
        )
    return StoppedError(
        f"{path.name} could not be written: {error.strerror or error}", hint="run again when it can be written"
    )


def sweep(folder: Path) -> None:
    """Remove what a killed process left half written in this folder: files, and links that it was about to place. The
    target of a link is not ours, and neither is a file whose name is not one of write_whole's.
    """
    if folder.is_dir() and not folder.is_symlink():
        for entry in os.scandir(folder):
            if HALF_WRITTEN.fullmatch(entry.name) and (entry.is_symlink() or entry.is_file(follow_symlinks=False)):
                remove(Path(entry.path))
