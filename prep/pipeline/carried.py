"""A job where the runner carries it: its outcomes, with a bar, and its notes."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from prep.protocols import Job, Notes, Outcome
from prep.run import Run


def carried(run: Run, job: Job, work: Sequence[Any], label: str, notes: str = "") -> Iterator[Outcome]:
    """The outcomes of a job where the runner carries it, with a bar. notes: the stage that its notes are kept under."""

    def without_notes(outcomes: Iterator[Outcome | Notes]) -> Iterator[Outcome]:
        for outcome in outcomes:
            if isinstance(outcome, Notes):
                run.notes |= {notes: dict(outcome.found)} if notes else {}
            else:
                yield outcome

    # Closed here, also when interrupted: what is done is flushed while the lock is still held.
    with closing(run.runner.map(job, work)) as outcomes:
        yield from run.report.bar(label, without_notes(outcomes), len(work))
