"""Batches on this machine: isolated jobs in processes of their own, the others in this process.

A process that dies loses one batch; that batch is split until the guilty item is alone.
"""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.util import Finalize
from typing import Any

from prep.errors import StoppedError
from prep.process import spans
from prep.process.arrow import keep_arrow_small
from prep.process.heap import freed_memory_kept, keep_freed_memory, own_this_process
from prep.process.pictures import trust_our_own_limits
from prep.process.signals import deferred, leave_interrupts_to_the_driver
from prep.protocols import Job, Notes, Outcome

STARTS = 3  # attempts for a pool whose first process dies
_job: Job | None = None  # a worker process's own
_failed = ""  # why this worker process could not start


class LocalRunner:
    here = True

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1

    def map(self, job: Job, work: Sequence[Any]) -> Iterator[Outcome | Notes]:
        """Yield one outcome per item, in the order of completion."""
        if not work:
            return
        if job.isolated:
            # Small sets are shared among the workers, too.
            size = max(1, min(job.batch, -(-len(work) // (2 * self.workers))))
            yield from self._in_processes(job, [work[at : at + size] for at in range(0, len(work), size)])
        else:
            with freed_memory_kept() if job.needs.keeps_memory else contextlib.nullcontext():
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
            with spans.spent("wait"):
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
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    # Tearing down the interpreters of all workers at once would be the scan's memory peak.
    Finalize(None, os._exit, args=(0,), exitpriority=-100)
    keep_arrow_small()
    trust_our_own_limits()
    own_this_process()
    if job.needs.keeps_memory:
        keep_freed_memory()
    try:
        job.open(f"w{os.getpid()}")
    except Exception as error:  # multiprocessing would print the traceback of every worker
        _failed = str(error).strip().split("\n")[0] or type(error).__name__


def _ready() -> str:
    """Why this worker process could not start; empty if it did."""
    return _failed


def _leave_with(parent: int) -> None:
    """Otherwise a worker whose driver was killed would wait for work forever."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _work(batch: Sequence[Any]) -> list[Outcome]:
    if _failed:
        os._exit(1)  # as if it had died while it started
    try:
        return list(_job.run(batch))
    finally:
        spans.flush()
