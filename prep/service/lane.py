"""The one lane in which everything is drawn, one after the other, clients in turn. Keeps nothing on disk."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from prep.service.fair import Fair
from prep.service.orders import Progress
from prep.service.work import Halted, Work
from prep.web.refused import busy, stopping

FIRST_SECONDS = 30.0  # that a task takes, before any has been timed [estimate]
TIMED = 8  # tasks whose mean says how long the next one takes


@dataclass(eq=False)
class Task:
    client: str
    run: Callable[[Work], Any]
    work: Work
    waits: bool = False  # its client waits for it, and gets nothing from a later start
    future: Future = field(default_factory=Future)


class Lane:
    def __init__(self, most: int) -> None:
        """most: tasks that may wait."""
        self.most = most
        self.waiting: Fair[Task] = Fair()
        self.changed = threading.Condition()
        self.stopping = threading.Event()
        self.current: Task | None = None
        self.took: deque[float] = deque(maxlen=TIMED)
        self.thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def close(self) -> None:
        """Finish the pictures that are being drawn. What waits is refused, with a 503."""
        self.stop()
        self.join()

    def join(self) -> None:
        """Wait until nothing is drawn any more."""
        if self.thread.ident:
            self.thread.join()

    def stop(self) -> None:
        self.stopping.set()
        with self.changed:
            while self.waiting:
                _refuse(self.waiting.take(), stopping())
            self.changed.notify_all()

    def put(self, task: Task) -> None:
        """Raises Refused when the server ends."""
        with self.changed:
            if self.stopping.is_set():
                raise stopping()
            self.waiting.put(task.client, task)
            self.changed.notify_all()

    def check_room(self, client: str) -> None:
        """Raises Refused when too many wait; one client has at most half of the places, unless it is alone."""
        with self.changed:
            if not self.waiting.has_room(client, 1, self.most):
                raise busy(f"{len(self.waiting):,} requests wait to be drawn", self.seconds_to_wait())

    def remove(self, task: Task) -> bool:
        """A task that waits does not begin; one that is at work ends at its next step. -> whether it waited."""
        task.work.halted = "cancelled"
        with self.changed:
            waited = self.waiting.remove(task.client, task)
            if waited:
                _refuse(task, Halted("cancelled"))
        return waited

    def now(self) -> Progress:
        with self.changed:
            waiting, current = len(self.waiting), self.current
        return current.work.progress(waiting) if current else Progress(waiting=waiting)

    def place(self, task: Task) -> int:
        """How many come before it."""
        with self.changed:
            order = self.waiting.in_order()
        return order.index(task) + 1 if task in order else 0

    def seconds_to_wait(self) -> float:
        each = sum(self.took) / len(self.took) if self.took else FIRST_SECONDS
        return each * (len(self.waiting) + 1)

    def _work(self) -> None:
        while True:
            with self.changed:
                while not self.waiting and not self.stopping.is_set():
                    self.changed.wait()
                if self.stopping.is_set():
                    return
                self.current = task = self.waiting.take()
            if task.future.set_running_or_notify_cancel():
                self._run(task)
            with self.changed:
                self.current = None

    def _run(self, task: Task) -> None:
        task.work.started = time.monotonic()
        try:
            task.future.set_result(task.run(task.work))
        except BaseException as error:  # the client is told, and the lane goes on
            task.future.set_exception(error)
        self.took.append(time.monotonic() - task.work.started)


def _refuse(task: Task, error: Exception) -> None:
    """Unless its client has given it up already."""
    if task.future.set_running_or_notify_cancel():
        task.future.set_exception(error)
