"""Standard output and error: always present, in any encoding, and harmless when they cannot be written.

Called when a command-line process starts.
"""

import contextlib
import os
import sys

from prep.errors import StoppedError
from prep.system import reader_left


class OutputError(StoppedError):
    """Standard output cannot be written: its reader has left, or its disk is full."""


class ReaderLeft(OutputError):  # noqa: N818 - as with `| head -1`: nothing is wrong, and nothing is printed
    exit_code = 128 + 13  # what a shell reports for a process ended by SIGPIPE


def ready_output() -> None:
    """Escape characters that the encoding lacks, and treat a closed stream as one that nobody reads."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # otherwise the next opened file would get this number, and the output
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123 - as long as the process lives
        if hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def check_output() -> None:
    """Raises OutputError if printed text did not arrive."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        raise cannot_print(error) from None


def cannot_print(error: Exception) -> OutputError:
    """Also print nothing from now on: at its end the interpreter would try once more and complain."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    if reader_left(error):
        return ReaderLeft("nobody reads standard output any longer")
    why = getattr(error, "strerror", None) or error
    return OutputError(f"standard output cannot be written ({why})", hint="check where it goes; OUT is as the log says")
