"""A job on a worker of its own: opened once, then given batches. Nothing here knows how a worker is reached.

It answers in steps of about a second, so that a bar moves while a batch takes minutes.
"""

import os
import pickle
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from prep.process.arrow import keep_arrow_small
from prep.process.heap import keep_freed_memory, own_this_process
from prep.process.pictures import trust_our_own_limits
from prep.protocols import Job, Outcome

STEP_SECONDS = 1.0


class Step(NamedTuple):
    """What a worker did since it was last asked."""

    outcomes: Sequence[Outcome] = ()
    done: bool = True  # with its batch, whose rows are on disk
    error: Exception | None = None  # raised by the job; there are no more steps
    notes: Mapping[str, Any] = {}  # once it is closed


class Worker:
    """Methods return errors, since not every way to reach a worker raises them as they were."""

    def __init__(self, job: Job, name: str) -> None:
        """name: no other worker of the run has it, since the ledger's parts are named after it."""
        self.job, self.name = job, name
        self.rest: Iterator[Outcome] = iter(())

    def open(self) -> Step:
        try:
            self.job.open(self.name)
        except Exception as error:
            return Step(error=_portable(error))
        return Step()

    def begin(self, batch: Sequence[Any]) -> Step:
        """The first step of a batch."""
        self.rest = iter(self.job.run(batch))
        return self.step()

    def step(self) -> Step:
        """At least one outcome, unless the batch is done."""
        outcomes, started = [], time.monotonic()
        try:
            for outcome in self.rest:
                outcomes.append(outcome)
                if time.monotonic() - started >= STEP_SECONDS:
                    return Step(outcomes, done=False)
        except Exception as error:
            return Step(outcomes, error=_portable(error))
        return Step(outcomes)

    def close(self) -> Step:
        if close := getattr(self.rest, "close", None):
            close()  # a batch that is not done: whoever stops a run keeps what it did
        try:
            return Step(notes=dict(self.job.close()))
        except Exception as error:
            return Step(error=_portable(error))


def leave_with(parent: int) -> None:
    """Otherwise a worker whose driver was killed would wait for work forever. parent: the driver's process."""
    threading.Thread(target=_leave, args=(parent,), daemon=True).start()


def _leave(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def prepare_process(keeps_memory: bool) -> None:
    """For a process that only works: called once, before its job opens."""
    keep_arrow_small()
    trust_our_own_limits()
    own_this_process()
    if keeps_memory:
        keep_freed_memory()


def _portable(error: Exception) -> Exception:
    """The error, if it can be sent to another process; otherwise what it says."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
