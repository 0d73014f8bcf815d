"""Run a job on the runner: its outcomes, with a bar, and its notes."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from prep.protocols import Job, Notes, Outcome
from prep.run import Run


def carried(run: Run, job: Job, work: Sequence[Any], label: str, notes: str = "") -> Iterator[Outcome]:
    """The outcomes of a job on the runner, with a bar. notes: the stage to keep the job's notes under."""

    def without_notes(outcomes: Iterator[Outcome | Notes]) -> Iterator[Outcome]:
        for outcome in outcomes:
            if isinstance(outcome, Notes):
                run.notes |= {notes: dict(outcome.found)} if notes else {}
            else:
                yield outcome

    # Closed here, even when interrupted: finished work is flushed while the lock is still held.
    with closing(run.runner.map(job, work)) as outcomes:
        yield from run.report.bar(label, without_notes(outcomes), len(work))
