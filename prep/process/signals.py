"""Ctrl-C and SIGTERM: the first ends a run in order, the second at once; neither interrupts what must not be split."""

import _thread
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from types import FrameType

from prep.errors import Interrupted
from prep.system import interrupts_blocked, signal_this_process

# Python's own code for threads: an exception that a signal raises after it took a lock, and before the `with` that
# gives it back, leaves the lock taken (bpo-29988). Threads that need it wait forever, and the main thread for them.
THREADS = ("threading", "queue", "concurrent")
WAITING = ("wait", "join", "_wait_for_tstate_lock")  # its functions that may take long, and can be interrupted
AGAIN_SECONDS = 0.01
MOST_SECONDS = 1.0  # of trying again: a later Python may wait in other functions

_deferred: list[int] = []  # inside `deferred`: 0, and the signals that came in the meantime
_raised: list[int] = []  # inside `interruptible`: the signal that raised Interrupted


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside this context, SIGINT and SIGTERM raise Interrupted once, so that everything is flushed; a second one
    exits.
    """
    first = 0.0  # when the first signal came, by time.monotonic()

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if _deferred:
            _deferred.append(number)
            return
        first = first or time.monotonic()
        if _takes_locks(frame) and time.monotonic() - first < MOST_SECONDS:
            _thread.start_new_thread(_again, (number,))  # not threading: its locks are what may be taken
            return
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda number, _frame: os._exit(128 + number))
        _raised.append(number)
        raise Interrupted(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _raised.clear()


def check_not_interrupted() -> None:
    """For other threads, which no signal reaches. Raises Interrupted once a signal has raised it in the main thread."""
    if _raised:
        raise Interrupted(128 + _raised[0])


def _takes_locks(frame: FrameType | None) -> bool:
    """Whether the main thread may be just taking a lock, or giving one back."""
    if frame is None or frame.f_code.co_name in WAITING:
        return False
    return frame.f_globals.get("__name__", "").split(".")[0] in THREADS


def _again(number: int) -> None:
    time.sleep(AGAIN_SECONDS)
    signal_this_process(number)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Inside this context, signals that `interruptible` handles wait until its end. A process started inside inherits
    the blocked SIGINT, so that it does not answer Ctrl-C, which goes to the whole group, with a traceback.
    """
    try:
        with interrupts_blocked():
            _deferred.append(0)
            yield
    finally:
        # The mask is per thread: signals delivered to another thread in the meantime are handled now.
        number = max(_deferred)
        _deferred.clear()
        if number:
            signal.raise_signal(number)


def leave_interrupts_to_the_driver() -> None:
    """For a worker: Ctrl-C reaches the whole group, and the driver decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
