"""What differs between Linux, macOS and Windows: the one place for calls that a system lacks, each with another half.

tests/faults/test_windows.py takes a run through with the POSIX halves blocked.
"""

import contextlib
import errno
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

try:
    import resource
except ImportError:  # Windows
    resource = None

FICLONE = 0x40049409  # Linux: share a file's blocks (btrfs, xfs)
BUSY_SECONDS = 2.0  # how long Windows is asked again: a virus scanner or a viewer has the file open for a moment
# Names that Windows keeps for devices, with any ending.
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{at}" for port in ("com", "lpt") for at in range(10))})


def allow_open_files(wanted: int) -> None:
    """Let this process have so many files and connections open, as far as it may. Windows has no limit."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))


def die_at_once() -> None:
    """Like a kill -9 of this process: nothing is flushed or cleaned up."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))  # on Windows, SIGTERM ends it as abruptly


def signal_this_process(number: int) -> None:
    """Send this process a signal from another thread, so that its main thread wakes up where the system can do that."""
    if os.name == "nt":
        signal.raise_signal(number)  # os.kill would end it
    else:
        os.kill(os.getpid(), number)


def open_flags(follow: bool) -> int:
    """Flags for os.open that read bytes as they are, never wait for a pipe and, without follow, refuse a link.

    Where a system has no O_NOFOLLOW, the caller checks for a link.
    """
    names = ("O_NONBLOCK", "O_BINARY") if follow else ("O_NONBLOCK", "O_BINARY", "O_NOFOLLOW")
    flags = 0
    for name in names:
        flags |= getattr(os, name, 0)
    return flags


def refuses_links() -> bool:
    """Whether opening with these flags refuses a link."""
    return hasattr(os, "O_NOFOLLOW")


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power cut. Windows syncs no folders. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    except PermissionError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, target: Path) -> None:
    """Rename a file, also over another one. Windows refuses this while somebody has either open, and is asked again for
    two seconds. Raises OSError.
    """
    _patiently(lambda: path.replace(target))


def rename(path: Path, target: Path) -> None:
    """Rename a file or folder to a free name, with the same patience. Raises OSError."""
    _patiently(lambda: path.rename(target))


def remove(path: Path) -> None:
    """Remove a file that may be gone already. Like `replace`, with patience on Windows. Raises OSError."""
    _patiently(lambda: path.unlink(missing_ok=True))


def room(folder: Path) -> tuple[int, bool]:
    """-> (bytes that are free for this user on the disk of a folder, whether it has inodes left). Raises OSError."""
    if not hasattr(os, "statvfs"):
        return shutil.disk_usage(folder).free, True
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize, not disk.f_files or disk.f_favail > 0


def cores() -> int:
    """The cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # macOS and Windows have no such call
        return os.cpu_count() or 1


def clone(source: int, target: int) -> bool:
    """Let the open file `target` share the blocks of `source`, two descriptors; False where that is not possible."""
    if fcntl is None:
        return False
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError:
        return False
    return True


def stat_of(entry: os.DirEntry) -> os.stat_result:
    """The stat of a folder's entry, through links. Windows lists entries without their inode. Raises OSError."""
    found = entry.stat()
    return found if found.st_ino else os.stat(entry.path)  # noqa: PTH116


def numbers_of(status: os.stat_result) -> tuple[int, int, int]:
    """(bytes, mtime in nanoseconds, inode), each in 64 bits with a sign, as a ledger keeps them. A time after 2262
    stays in the future, so that its file is looked at again each time.
    """
    return status.st_size, in_64_bits(status.st_mtime_ns), (status.st_ino + 2**63) % 2**64 - 2**63


def in_64_bits(time_ns: int) -> int:
    return max(-(2**63), min(time_ns, 2**63 - 1))


def entries_of(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield (name, its own stat) of all that is in a folder, by name. What goes meanwhile is left out. Raises OSError.

    A name that is looked up in an open folder takes two thirds of the time of a whole path.
    """
    if os.stat not in os.supports_dir_fd or os.listdir not in os.supports_fd:  # Windows
        for name in sorted(os.listdir(folder)):  # noqa: PTH208
            with contextlib.suppress(FileNotFoundError):
                yield name, os.lstat(os.path.join(folder, name))  # noqa: PTH118
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        for name in sorted(os.listdir(opened)):  # noqa: PTH208
            try:
                found = os.stat(name, dir_fd=opened, follow_symlinks=False)  # noqa: PTH116
            except FileNotFoundError:
                continue
            yield name, found
    finally:
        os.close(opened)


@contextlib.contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Block SIGINT in this thread, and in processes that are started here, where the system can."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def reader_left(error: Exception) -> bool:
    """Whether writing to a pipe failed because nobody reads it: Windows reports it as an invalid argument."""
    return getattr(error, "errno", None) == (errno.EINVAL if os.name == "nt" else errno.EPIPE)


def link_text(source: Path, folder: Path) -> str:
    """What a link in a folder says to lead to source: the way from there, or the whole path to another drive."""
    try:
        return os.path.relpath(source.resolve(), folder.resolve())
    except ValueError:  # Windows: there is no way from one drive to another
        return str(source.resolve())


@cache
def may_link() -> bool:
    """Whether this user may make symbolic links: on Windows only with Developer Mode, or as an administrator."""
    if os.name != "nt":
        return True
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(OSError):
        (Path(folder) / "link").symlink_to("nowhere")
        return True
    return False


def can_be_called(name: str) -> bool:
    """Whether every system allows a file or folder of this name, with any ending."""
    return name.partition(".")[0].lower() not in DEVICES


def _patiently(act) -> None:
    until = time.monotonic() + BUSY_SECONDS
    wait = 0.01
    while True:
        try:
            act()
            return
        except PermissionError:
            if os.name != "nt" or time.monotonic() > until:
                raise
            time.sleep(wait)
            wait *= 2


def font_folders() -> list[Path]:
    """Where this machine has its fonts, and its user has theirs. Some may be missing."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - without a home folder, it stays ~
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "")
        return [Path(os.environ.get("WINDIR", "C:/Windows"), "Fonts"), Path(local, "Microsoft/Windows/Fonts")]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts", home / ".fonts"]
