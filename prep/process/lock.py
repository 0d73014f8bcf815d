"""One driver an OUT: an advisory lock that dies with its holder, and names it to whoever comes second."""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from prep.errors import StoppedError


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock at path. Raises StoppedError that names the process and host of the one who has it."""
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise StoppedError(
                f"{path.parent.parent} is being worked on by {holder}", hint="wait for it, or stop it"
            ) from None
        file.truncate(0)
        with contextlib.suppress(OSError):  # on a full disk the lock holds, without a name
            os.write(file.fileno(), f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
