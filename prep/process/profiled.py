"""A run's profile: its spans are recorded while it works, then told as a table, with a trace for a browser."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from prep.errors import StoppedError
from prep.files import real_folder
from prep.process.spans import cpu_ns, recorded
from prep.process.trace import clear, put_together
from prep.process.where import advice, table
from prep.system import cores

FOLDER, TRACE = "trace", "trace.json"  # in .prep/


class Moment(NamedTuple):
    ns: int  # of the clock
    cpu_ns: int  # used by then


def now() -> Moment:
    return Moment(time.time_ns(), cpu_ns())


@contextlib.contextmanager
def profiled(state: Path, wanted: bool, say: Callable[[str], None], began: Moment) -> Iterator[None]:
    """Inside, everything is recorded, if wanted; at the end, also of a run that was interrupted, `say` gets the table.

    state: .prep/, locked by this run; what a killed run left there is removed in any case. began: when the run did.
    """
    clear(state / FOLDER)
    if not wanted:
        yield
        return
    folder = real_folder(state, FOLDER)
    try:
        with recorded(folder):
            yield
    finally:
        try:
            for line in _told(folder, state / TRACE, began):
                say(line)
        except (OSError, StoppedError) as error:  # such as a full disk: the run is none the worse
            say(f"profile: there is no trace: {error}")
        with contextlib.suppress(OSError):
            clear(folder)


def _told(folder: Path, trace: Path, began: Moment) -> Iterator[str]:
    """Write the trace, and yield what there is to say. Raises StoppedError, OSError."""
    sums = put_together(folder, trace, os.getpid(), began.ns)
    if not sums.stages:
        return  # no stage has begun, and the run says why
    wall, cpu = (after - before for after, before in zip(now(), began, strict=True))
    yield from table(sums, wall / 1e9, cpu / 1e9, cores())
    yield from advice(sums, wall / 1e9, cores())
    left = f", without {sums.left_out:,} spans, which the table counts" if sums.left_out else ""
    yield f"trace: {trace}{left}, for https://ui.perfetto.dev"
