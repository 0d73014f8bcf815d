"""Ctrl-C and SIGTERM: the first ends a run in order, the second at once; neither interrupts what must not be split."""

import contextlib
import os
import signal
from collections.abc import Iterator

from prep.errors import Interrupted
from prep.system import interrupts_blocked

_deferred: list[int] = []  # inside `deferred`: 0, and the signals that came in the meantime


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside this context, SIGINT and SIGTERM raise Interrupted once, so that everything is flushed; a second one
    exits.
    """

    def stop(number: int, _frame: object) -> None:
        if _deferred:
            _deferred.append(number)
            return
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda number, _frame: os._exit(128 + number))
        raise Interrupted(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
