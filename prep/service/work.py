"""One piece of work while it is carried out: how far it is, what it says, and whether it should end. Knows no queue."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from prep.service.orders import Progress

LINES = 1_000  # kept per job


class Halted(Exception):  # noqa: N818 - nothing is wrong: somebody asked for it
    """why: `cancelled`, `too_long`, or `stopping`: the server ends, and goes on with it once it starts again."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(eq=False)
class Work:
    id: str
    seconds: float  # that it may take; inf: no limit
    stopping: threading.Event  # set when the server ends
    halted: str = ""  # why it should end at once
    pictures: int = 0
    picture: int = 0
    step_done: int = 0
    steps: int = 0
    started: float = 0.0
    said: int = 0
    got_on: Callable[[], None] = lambda: None  # called whenever a part is done
    lines: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=LINES))  # number, from 1; line

    def step(self, done: int, total: int) -> None:
        """Called after each step. Raises Halted. A server that ends lets pictures be finished that are at a later step
        than their first.
        """
        if done == 1:
            self.check()
        self.step_done, self.steps = done, total
        if done == total:
            self.got_on()
        self._check_end()

    def check(self) -> None:
        """Called before something is begun. Raises Halted."""
        self._check_end()
        if self.stopping.is_set():
            raise Halted("stopping")

    def _check_end(self) -> None:
        if self.halted:
            raise Halted(self.halted)
        if self.started and time.monotonic() - self.started > self.seconds:
            raise Halted("too_long")

    def drawn(self) -> None:
        self.picture += 1
        self.step_done = self.steps = 0
        self.got_on()

    def say(self, line: str) -> None:
        self.said += 1
        self.lines.append((self.said, line))

    def progress(self, waiting: int) -> Progress:
        return Progress(self.id, self.picture, self.pictures, self.step_done, self.steps, self.started, waiting)
