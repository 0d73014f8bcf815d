"""One run per OUT: an advisory lock that ends with its holder, and names the holder to whoever comes second."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from prep.errors import InUseError, StoppedError
from prep.files import open_file, read_file
from prep.names import shown

WAIT_SECONDS = 2.0  # a page has the lock for some milliseconds per change
HOLDER_BYTES = 1_000  # a process and a host
READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextlib.contextmanager
def locked(path: Path, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock at path. Raises InUseError naming the holder's process and host; StoppedError when the path is a
    link or not a file, since it is written to.

    The file stays after the lock is released; its content matters only while the lock is held.
    """
    from filelock import FileLock, Timeout  # imported here: what only reads needs no lock

    _check(path)
    # Never filelock's soft lock, a file that exists while the lock is held: a kill would leave it there.
    lock = FileLock(path, timeout=wait_seconds, fallback_to_soft=False, preserve_lock_file=True, on_acquired=_sign)
    try:
        lock.acquire()
    except Timeout:
        raise InUseError(f"{path.parent.parent} is in use by {_holder(path)}", hint="wait for it, or stop it") from None
    try:
        yield
    finally:
        lock.release()


def _check(path: Path) -> None:
    """Raises StoppedError."""
    try:
        os.close(open_file(path, os.O_RDWR | os.O_CREAT))
    except OSError as error:
        if error.errno in READ_ONLY:
            raise StoppedError(
                f"{path.parent.parent} cannot be written ({error.strerror})",
                hint="check who may write there, and whether its disk is mounted read-only",
            ) from None
        raise StoppedError(
            f"{path} cannot be locked ({error.strerror})", hint="move it away or rename it, then run again"
        ) from None


def _sign(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    with contextlib.suppress(OSError):  # on a full disk the lock works, without a name
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())


def _holder(path: Path) -> str:
    with contextlib.suppress(OSError):  # Windows does not let others read a locked file
        return shown(read_file(path, HOLDER_BYTES).decode("utf-8", "replace").strip()) or "another process"
    return "another process"
