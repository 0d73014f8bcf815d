"""The steps of what is drawn, while it is drawn. A generator calls `step`; whoever wants to watch it, or to stop it by
an exception, says so with `watched`. In one thread: a generator draws in the thread that asked it to.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

Watcher = Callable[[int, int], None]
_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextlib.contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Call `watcher(done, total)` after each step that is taken inside. What it raises ends the drawing."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def step(done: int, total: int) -> None:
    """A batch of pictures has taken `done` of its `total` steps."""
    if watcher := _watcher.get():
        watcher(done, total)
