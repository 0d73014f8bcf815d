"""A runner that carries a job to fresh processes: nothing of this one goes along but what is pickled.

As a runner for a cluster would: the job is sent once, then batches one by one; outcomes and notes come back. The other
process has an empty environment but for the folders of models. A package adds it with one entry point:
`subprocess = "its_module:SubprocessRunner"` in the group `prep.runners`.
"""

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from prep.errors import StoppedError
from prep.protocols import Job, Notes, Outcome

KEPT = ("PREP_MODELS", "PREP_CACHE", "OMP_NUM_THREADS", "LD_LIBRARY_PATH", "SYSTEMROOT")  # models, and what loads code
# -I: neither the environment nor the folder that it starts in adds a module. What it may import is said by the pickle.
# What a library prints goes to the errors, since answers go where prints would.
BEGIN = (
    "import os, pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); answers = os.fdopen(os.dup(1), 'wb'); "
    f"os.dup2(2, 1); from {__name__} import serve; serve(sys.stdin.buffer, answers)"
)


class SubprocessRunner:
    """Implements prep.types.Runner: a process for each job, and another one where it dies."""

    def begin(self, src: Path, out: Path) -> None:
        """Its processes are on this machine."""

    def map(self, job: Job, work: Sequence[Any]) -> Iterator[Outcome | Notes]:
        batches = [work[at : at + job.batch] for at in range(0, len(work), job.batch)]
        while batches:
            with _Worker(job) as worker:
                while batches:
                    batch = batches[0]
                    try:
                        found = worker.ask(batch)
                    except EOFError:
                        break
                    del batches[0]
                    yield from found
                else:
                    if notes := worker.ask(None):
                        yield Notes(notes)
                    return
            # It died on that batch: halved, until one item is left to blame.
            if len(batch) == 1:
                if not job.isolated:
                    raise StoppedError(f"{job.name}: the process that was at it died", hint="run again")
                del batches[0]
                yield job.lost(batch[0])
            else:
                batches[:1] = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]


class _Worker:
    """The other process, as this one sees it."""

    def __init__(self, job: Job) -> None:
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        # A session of its own: a Ctrl-C is for this process, and the other one ends with its input.
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", BEGIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self._send([os.path.abspath(place) for place in sys.path])  # noqa: PTH100 - "" is the folder that we are in
        self._send(job)

    def ask(self, batch: Sequence[Any] | None) -> Any:
        """Its outcomes; of None the notes. Raises what was raised there, EOFError when it is gone."""
        self._send(batch)
        try:
            error, found = pickle.load(self.process.stdout)
        except pickle.UnpicklingError as broken:
            raise EOFError from broken
        if error:
            raise error
        return found

    def _send(self, what: Any) -> None:
        with contextlib.suppress(BrokenPipeError):  # ask() tells
            pickle.dump(what, self.process.stdin)
            self.process.stdin.flush()

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        """At the end of its input it closes the job, whatever happened here."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """In the other process: a job, its batches, and None at the end. The job is closed in any case."""
    try:
        job: Job = pickle.load(asked)
        job.open(f"p{os.getpid()}")
        try:
            for batch in iter(lambda: pickle.load(asked), None):
                _answer(answers, None, list(job.run(batch)))
        except BaseException:
            job.close()
            raise
        _answer(answers, None, dict(job.close()))
    except EOFError:
        pass  # nobody waits for more
    except Exception as error:
        _answer(answers, error, None)


def _answer(answers: BinaryIO, error: Exception | None, found: Any) -> None:
    with contextlib.suppress(BrokenPipeError):
        pickle.dump((error, found), answers)
        answers.flush()
