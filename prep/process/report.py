"""What a run tells: bars on a terminal, plain lines elsewhere, and everything in .prep/log."""

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
QUIET_SECONDS = 30  # between lines of progress where there is no terminal


class Report:
    """log: a file that everything is added to. quiet: nothing is shown."""

    def __init__(self, log: Path | None = None, quiet: bool = False) -> None:
        self.log = log
        self.quiet = quiet

    def say(self, line: str) -> None:
        if not self.quiet:
            # Paths may hold bytes that are no text.
            tqdm.write(os.fsencode(line).decode("utf-8", "backslashreplace"), file=sys.stdout)
            sys.stdout.flush()
        self.note(line)

    def note(self, line: str) -> None:
        """For the log alone. No run stops because it cannot be written: who needed the room tells of a full disk."""
        with contextlib.suppress(OSError):
            self._log(line)

    def _log(self, line: str) -> None:
        if self.log:
            with self.log.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {line}\n")

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
