"""What a run prints: bars on a terminal, plain lines elsewhere, and everything in .prep/log.

Lines go through logging. A part without a Report calls `logging.getLogger("prep.its.name").info(line)`; while a Report
is open, that line is shown like the Report's own. `debug` goes only to the log.
"""

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self, TypeVar

from prep.files import open_file
from prep.names import shown

T = TypeVar("T")
QUIET_SECONDS = 30  # between lines of progress without a terminal
LOGGER = logging.getLogger("prep")


class Report:
    """Lines are shown inside `with Report(...)`. log: a file that everything is appended to. quiet: show nothing."""

    def __init__(self, log: Path | None = None, quiet: bool = False) -> None:
        self.quiet = quiet
        self.handlers: list[logging.Handler] = [] if quiet else [_Shown(logging.INFO)]
        if log:
            self.handlers.append(_Kept(log))

    def __enter__(self) -> Self:
        self.before = LOGGER.level, LOGGER.propagate
        LOGGER.setLevel(logging.DEBUG)
        LOGGER.propagate = False  # a library that configures the root logger would show each line twice
        if any(isinstance(handler, _Shown) for handler in LOGGER.handlers):  # the server's, around a run of its own
            self.handlers = [handler for handler in self.handlers if not isinstance(handler, _Shown)]
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
        """Write to the log only."""
        self._log(logging.DEBUG, line)

    def bar(self, stage: str, items: Iterable[T], total: int) -> Iterator[T]:
        """Yield items while showing how many are done and how long the rest will take."""
        if sys.stderr.isatty():
            from tqdm import tqdm  # imported here, since most commands show no bar

            yield from tqdm(items, stage, total, unit="image", leave=False, dynamic_ncols=True)
            return
        last_line = time.monotonic()
        first = 0.0  # when the first one was done: models were loaded before
        for done, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            first = first or now
            if now - last_line >= QUIET_SECONDS:
                last_line = now
                left = f", about {(now - first) / (done - 1) * (total - done):,.0f} s left" if done > 1 else ""
                self.say(f"{stage}: {done:,} of {total:,}{left}")

    def _log(self, level: int, line: str) -> None:
        if self.handlers:  # otherwise it belongs to another open Report
            LOGGER.log(level, line)


class _Shown(logging.Handler):
    """Print to stdout, above a bar. A run does not stop when nobody reads it: the log has every line."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        with contextlib.suppress(OSError, ValueError):
            tqdm.write(shown(self.format(record)), file=sys.stdout)
            sys.stdout.flush()


class _Kept(logging.Handler):
    """Write to a file that is opened for each line: on a full disk only a line is lost. A run does not stop because its
    log cannot be written: whoever needs the space reports a full disk. Never writes through a link.
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
