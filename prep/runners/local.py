"""Batches on this machine: isolated jobs in processes of their own, the others in this process; those that use a CUDA
card in one process per card, if there are several.

A process that dies loses one batch; that batch is split until the guilty item is alone.
"""

import contextlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from prep.errors import StoppedError
from prep.process import spans
from prep.process.hardware import cuda_cards
from prep.process.heap import freed_memory_kept
from prep.process.signals import deferred, leave_interrupts_to_the_driver
from prep.protocols import Job, Notes, Outcome
from prep.runners._cards import STARTS, Cards
from prep.runners._share import batches, share
from prep.runners._worker import leave_with, prepare_process

_job: Job | None = None  # a worker process's own
_failed = ""  # why this worker process could not start


class LocalRunner:
    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1

    @property
    def here(self) -> bool:
        """Several cards are better used by a process each, which decodes for itself."""
        return len(cuda_cards()) < 2

    def begin(self, src: Path, out: Path) -> None:
        """This process sees both."""

    def map(self, job: Job, work: Sequence[Any]) -> Iterator[Outcome | Notes]:
        """Yield one outcome per item, in the order of completion."""
        if not work:
            return
        if len(cards := _cards_for(job, len(work))) > 1:
            yield from share(job, work, len(cards), Cards(job, cards))
            return
        with freed_memory_kept() if job.needs.keeps_memory else contextlib.nullcontext():
            if job.isolated:
                yield from self._in_processes(job, batches(work, job.batch, self.workers))
            else:
                yield from _here(job, work)

    def _in_processes(self, job: Job, batches: list[Sequence[Any]]) -> Iterator[Outcome]:
        waiting = deque(batches)
        while waiting:
            suspects = yield from _pooled(job, waiting, self.workers)
            while suspects:
                # A batch that dies again, alone in its own pool, contains the guilty item.
                batch = suspects.pop()
                if not (yield from _pooled(job, deque([batch]), 1)):
                    continue
                if len(batch) == 1:
                    yield job.lost(batch[0])
                else:
                    middle = len(batch) // 2
                    suspects += [batch[:middle], batch[middle:]]


def _cards_for(job: Job, items: int) -> Sequence[str]:
    """The cards to share the work among."""
    return cuda_cards()[:items] if job.needs.gpu and not job.needs.elsewhere else ()


def _here(job: Job, work: Sequence[Any]) -> Iterator[Outcome | Notes]:
    job.open("main")
    try:
        for at in range(0, len(work), job.batch):
            yield from job.run(work[at : at + job.batch])
    except BaseException:
        job.close()
        raise
    if notes := job.close():
        yield Notes(notes)


def _pooled(job: Job, waiting: deque[Sequence[Any]], workers: int) -> Iterator[Outcome]:
    """Take batches from waiting, yield outcomes; return the batches that were running when a process died."""
    pool = _started_pool(job, workers)
    running: dict[Future, Sequence[Any]] = {}
    lost: list[Sequence[Any]] = []
    try:
        while (waiting and not lost) or running:
            while waiting and not lost and len(running) <= workers:  # one ready for the first idle worker
                batch = waiting.popleft()
                try:
                    running[_submitted(pool, _work, batch)] = batch
                except BrokenProcessPool:
                    lost.append(batch)
            with spans.spent("workers"):
                done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                batch = running.pop(future)
                try:
                    yield from future.result()
                except (BrokenProcessPool, MemoryError):
                    lost.append(batch)
        return lost
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submitted(pool: ProcessPoolExecutor, *call: Any) -> Future:
    """A process that is just starting would answer a signal with a traceback."""
    with deferred():
        return pool.submit(*call)


def _started_pool(job: Job, workers: int) -> ProcessPoolExecutor:
    """A pool whose first process is ready. If it dies before that, no image is to blame: another one is tried.

    Raises StoppedError.
    """
    why = ""
    for _ in range(STARTS):
        # Not fork: threads and locks of this process (torch's, Arrow's) do not survive it.
        about = (job, os.getpid(), spans.recording())
        pool = ProcessPoolExecutor(workers, get_context("spawn"), _start, about)
        try:
            with spans.spent("start"):
                why = _submitted(pool, _ready).result()
            if not why:
                return pool
            pool.shutdown(wait=True, cancel_futures=True)
        except (BrokenProcessPool, OSError) as error:  # OSError: the system allows no more processes
            why = error.strerror or "" if isinstance(error, OSError) else why
            pool.shutdown(wait=True, cancel_futures=True)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    because = f": {why}" if why else ""
    raise StoppedError(f"no worker process could be started{because}", hint="free some memory, and run again")


def _start(job: Job, parent: int, recording: spans.Recording | None) -> None:
    global _job, _failed
    _job = job
    spans.join(recording)
    leave_interrupts_to_the_driver()
    leave_with(parent)
    # Tearing down the interpreters of all workers at once would be the scan's memory peak.
    Finalize(None, os._exit, args=(0,), exitpriority=-100)
    prepare_process(job.needs.keeps_memory)
    try:
        job.open(f"w{os.getpid()}")
    except Exception as error:  # multiprocessing would print the traceback of every worker
        _failed = str(error).strip().split("\n")[0] or type(error).__name__


def _ready() -> str:
    """Why this worker process could not start; empty if it did."""
    return _failed


def _work(batch: Sequence[Any]) -> list[Outcome]:
    if _failed:
        os._exit(1)  # as if it had died while it started
    try:
        return list(_job.run(batch))
    finally:
        spans.flush()
