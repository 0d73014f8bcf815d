"""Standard output and error: there in any case, in any encoding, and nobody's fault when they cannot be written.

Asked for where a process of the command line starts.
"""

import contextlib
import errno
import os
import sys

from prep.errors import StoppedError


class OutputError(StoppedError):
    """Standard output cannot be written: whoever read it has left, or the disk that it went to is full."""


class ReaderLeft(OutputError):  # noqa: N818 - as with `| head -1`: nothing is wrong, and nothing is said
    exit_code = 128 + 13  # what a shell shows of a process that SIGPIPE ended


def ready_output() -> None:
    """Take what an encoding lacks as an escape, and a closed stream as one that nobody reads."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # else the next file that is opened would get this number, and what is printed
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123 - for as long as the process lives
        if hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def check_output() -> None:
    """Raises OutputError where something that was printed did not arrive."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        raise cannot_print(error) from None


def cannot_print(error: Exception) -> OutputError:
    """And nothing is printed from now on: the interpreter, when it ends, would try once more and complain."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    if getattr(error, "errno", None) == errno.EPIPE:
        return ReaderLeft("nobody reads standard output any more")
    why = getattr(error, "strerror", None) or error
    return OutputError(f"standard output cannot be written ({why})", hint="see where it goes; OUT is as the log says")
