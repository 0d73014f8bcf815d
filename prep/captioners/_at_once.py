"""Several calls at once, answered in order. Its threads never keep the process from ending."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import TypeVar

In, Out = TypeVar("In"), TypeVar("Out")


def at_once(function: Callable[[In], Out], items: Sequence[In], most: int) -> Iterator[Out]:
    """Raises what the function raises, after the answers before it; then no further call begins."""
    answers: list[Future[Out]] = [Future() for _ in items]
    waiting = iter(zip(items, answers, strict=True))
    lock, over = threading.Lock(), threading.Event()

    def work() -> None:
        while not over.is_set():
            with lock:
                item, answer = next(waiting, (None, None))
            if answer is None:
                return
            try:
                answer.set_result(function(item))
            except BaseException as error:
                answer.set_exception(error)
                return

    for _ in range(min(most, len(items))):
        threading.Thread(target=work, name="describe", daemon=True).start()
    try:
        for answer in answers:
            yield answer.result()
    finally:
        over.set()
