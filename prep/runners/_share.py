"""Batches shared out among workers, each in a process of its own, here or elsewhere.

If a worker dies, its batch is done again, once. If that kills another worker, it is split until the guilty item is
alone. Rows that the dead worker had written are equal to the new ones, and the ledger keeps the last.
"""

from collections import Counter, deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from prep.process.spans import spent
from prep.protocols import Job, Notes, Outcome
from prep.runners._worker import Step


class Died(Enum):
    """Instead of a step."""

    ON_ITS_BATCH = 1  # alone: the batch may be to blame
    WITH_ITS_NODE = 2  # together with all workers there: the batch is not


class Crew(Protocol):
    """The workers of one job. They are replaced when they die."""

    def open(self) -> None:
        """Start all workers, and wait until the job is open there. Raises what the job raised, StoppedError."""

    def workers(self) -> Sequence[Hashable]:
        """Those that are open now. Raises StoppedError when none is left, or can be had."""

    def begin(self, worker: Hashable, batch: Sequence[Any]) -> None: ...

    def go_on(self, worker: Hashable) -> None:
        """With the batch that it has begun."""

    def steps(self) -> list[tuple[Hashable, Step | Died]]:
        """Wait for some of those that have a batch."""

    def close(self) -> list[Step]:
        """Close the job at each worker that lives, after the step that it is at: what was done is then on disk."""


@dataclass(eq=False)
class _Batch:
    items: Sequence[Any]
    deaths: int = 0
    told: Counter[str] = field(default_factory=Counter)  # subjects whose outcomes were yielded
    skip: Counter[str] = field(default_factory=Counter)  # of these, those that will come again


def share(job: Job, work: Sequence[Any], workers: int, crew: Crew) -> Iterator[Outcome | Notes]:
    """Yield one outcome per item, in the order of completion, and the notes of each worker. workers: how many are
    expected. Raises what the job raises.
    """
    waiting = deque(_Batch(items) for items in batches(work, job.batch, workers))
    doing: dict[Hashable, _Batch] = {}
    try:
        with spent("start"):
            crew.open()
        while waiting or doing:
            for worker in crew.workers():
                if waiting and worker not in doing:
                    doing[worker] = waiting.popleft()
                    crew.begin(worker, doing[worker].items)
            with spent("workers"):
                steps = crew.steps()
            for worker, step in steps:
                batch = doing[worker]
                if not isinstance(step, Died) and job.isolated and isinstance(step.error, MemoryError):
                    step = Died.ON_ITS_BATCH
                if isinstance(step, Died):
                    del doing[worker]
                    again = _again(batch, step)
                    waiting.extendleft(again)
                    if not again:
                        yield from _new(batch, [job.lost(batch.items[0])])
                    continue
                if step.error:
                    raise step.error
                if step.done:
                    del doing[worker]
                else:
                    crew.go_on(worker)
                yield from _new(batch, step.outcomes)
    except BaseException:
        crew.close()
        raise
    with spent("workers"):
        last = crew.close()
    for step in last:
        if step.error:
            raise step.error
        if step.notes:
            yield Notes(step.notes)


def batches(work: Sequence[Any], most: int, workers: int) -> list[Sequence[Any]]:
    """Of at most so many items; small sets are shared among the workers, too."""
    size = max(1, min(most, -(-len(work) // (2 * workers))))
    return [work[at : at + size] for at in range(0, len(work), size)]


def _again(batch: _Batch, died: Died) -> list[_Batch]:
    """What is to be done again after a worker died on it; nothing, if it is a single item that killed two."""
    batch.skip = batch.told.copy()
    batch.deaths += died is Died.ON_ITS_BATCH
    if batch.deaths < 2:
        return [batch]
    middle = len(batch.items) // 2
    # They share what was told: nobody knows in which half an outcome's item is.
    halves = [batch.items[:middle], batch.items[middle:]] if middle else []
    return [_Batch(items, 1, batch.told, batch.skip) for items in halves]


def _new(batch: _Batch, outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
    """Without those that were yielded before a worker died."""
    for outcome in outcomes:
        if batch.skip[outcome.subject] > 0:
            batch.skip[outcome.subject] -= 1
        else:
            batch.told[outcome.subject] += 1
            yield outcome
