"""What a run tells: bars on a terminal, plain lines elsewhere, and everything in .prep/log.

Lines go through logging. A part that has no Report says `logging.getLogger("prep.its.name").info(line)`, and while a
Report is open, that is seen just as what the Report says; `debug` is for the log alone.
"""

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self, TypeVar

from tqdm import tqdm

from prep.files import open_file
from prep.names import shown

T = TypeVar("T")
QUIET_SECONDS = 30  # between lines of progress where there is no terminal
LOGGER = logging.getLogger("prep")


class Report:
    """Lines are seen within `with Report(...)`. log: a file that everything is added to. quiet: nothing is shown."""

    def __init__(self, log: Path | None = None, quiet: bool = False) -> None:
        self.quiet = quiet
        self.handlers: list[logging.Handler] = [] if quiet else [_Shown(logging.INFO)]
        if log:
            self.handlers.append(_Kept(log))

    def __enter__(self) -> Self:
        self.before = LOGGER.level, LOGGER.propagate
        LOGGER.setLevel(logging.DEBUG)
        LOGGER.propagate = False  # a library that sets up the root logger would have each line shown twice
        for handler in self.handlers:
            LOGGER.addHandler(handler)
        return self

    def __exit__(self, *_: object) -> None:
        for handler in self.handlers:
            LOGGER.removeHandler(handler)
            handler.close()
        level, LOGGER.propagate = self.before
        LOGGER.setLevel(level)

    def say(self, line: str) -> None:
        self._log(logging.DEBUG if self.quiet else logging.INFO, line)

    def note(self, line: str) -> None:
        """For the log alone."""
        self._log(logging.DEBUG, line)

    def bar(self, stage: str, items: Iterable[T], total: int) -> Iterator[T]:
        """Yield items while showing how many are done and how long the rest will take."""
        if sys.stderr.isatty():
            yield from tqdm(items, stage, total, unit="image", leave=False, dynamic_ncols=True)
            return
        started = told = time.monotonic()
        for done, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if now - told >= QUIET_SECONDS:
                told = now
                left = (now - started) / done * (total - done)
                self.say(f"{stage}: {done:,} of {total:,}, about {left:,.0f} s left")

    def _log(self, level: int, line: str) -> None:
        if self.handlers:  # else it would be another Report's, if one is open
            LOGGER.log(level, line)


class _Shown(logging.Handler):
    """On stdout, above a bar. No run stops because nobody reads it any more: the log has every line."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError, ValueError):
            tqdm.write(shown(self.format(record)), file=sys.stdout)
            sys.stdout.flush()


class _Kept(logging.Handler):
    """In a file that is opened for each line: on a full disk a line is lost, and nothing else. No run stops because its
    log cannot be written: who needed the room tells of a full disk. Through a link nothing is written.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        with (
            contextlib.suppress(OSError),
            os.fdopen(open_file(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab") as file,
        ):
            file.write(f"{shown(self.format(record))}\n".encode())
