"""Many small trials in forked processes, with fakes in the place of models. A trial that aborts its process, or hangs,
is one failure with its number, and the others go on.
"""

import contextlib
import io
import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from prep import files
from prep.cli import main
from prep.generators import GENERATORS
from prep.runners import RUNNERS
from tests.fakes import FakeTagger, read_with
from tests.faults.dying import forks
from tests.support import counting

HANGS_SECONDS = 120
Trial = Callable[[int], str]  # number -> a word to count it under; raises where something is wrong


class Said(NamedTuple):
    code: int
    out: str
    err: str


@dataclass
class Tally:
    counts: Counter[str] = field(default_factory=Counter)  # word -> trials
    wrong: dict[int, str] = field(default_factory=dict)  # number of a trial -> what was wrong

    @property
    def trials(self) -> int:
        return self.counts.total() + len(self.wrong)

    def failures(self, variable: str) -> str:
        """The first twenty, each with what tries it again."""
        return "\n".join(f"{variable}={number}: {what}" for number, what in [*self.wrong.items()][:20])

    def __str__(self) -> str:
        kinds = ", ".join(f"{count:,} {word}" for word, count in self.counts.most_common())
        return f"{self.trials:,} trials, {len(self.wrong):,} failures ({kinds})"


def with_fakes() -> None:
    """In this process, a fake tagger reads every checkpoint, `counting` draws, and the runner `fake` starts nothing."""
    read_with(lambda options: FakeTagger(options.batch))
    counting._made = counting.CountingGenerator()
    GENERATORS.members["counting"] = counting.COUNTING
    RUNNERS.members["fake"] = "tests.fakes:FakeRunner"
    files._sync = lambda path: None  # no power is cut here


def typed(*arguments: object) -> Said:
    """`prep ...` in this process. Raises AssertionError for what no command may do, whatever it meets: a traceback, an
    exit code of nobody's, silence about why it stopped.
    """
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["prep", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as left:
        code = left.code
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise AssertionError(
            f"{' '.join(sys.argv[:2])}: {type(error).__name__}: {error} at {last.filename}:{last.lineno}"
        ) from error
    finally:
        sys.argv = before
    said = Said(code, out.getvalue(), err.getvalue())
    assert "Traceback" not in said.out + said.err, said.err[-3000:]
    assert said.code in (0, 1, 2, 3), f"{arguments[0]} ended with {said.code}"
    assert said.code < 2 or said.err.strip(), f"{arguments[0]} ended with {said.code} and said nothing"
    return said


def typed_apart(*arguments: object) -> Said:
    """`prep ...` in a forked process, which has let go of every file when this returns."""
    ours, theirs = forks.Pipe(duplex=False)
    child = forks.Process(target=_typed, args=(dict(os.environ), theirs, arguments))
    child.start()
    theirs.close()
    try:
        said = ours.recv()
    except EOFError:
        child.join()
        raise AssertionError(f"{arguments[0]} ended its process with {child.exitcode}") from None
    child.join()
    assert isinstance(said, Said), said
    return said


def _typed(environment: dict[str, str], pipe, arguments: tuple) -> None:
    os.environ.clear()
    os.environ.update(environment)
    with_fakes()
    try:
        said = typed(*arguments)
    except AssertionError as error:
        said = str(error)
    pipe.send(said)


def tried(trial: Trial, numbers: Sequence[int], folder: Path, until: float | None = None) -> Tally:
    """Do the trial of each number.

    trial: a function of a module, or a partial of one. numbers: a range may be endless. folder: for notes.
    until: a time of time.monotonic() from which on no other is begun.
    """
    notes, tally = folder / "notes.jsonl", Tally()
    while numbers and (until is None or time.monotonic() < until):
        notes.write_bytes(b"")
        child = forks.Process(target=_try, args=(dict(os.environ), trial, numbers, notes, until))
        child.start()
        child.join()
        begun = None
        for number, word, wrong in map(json.loads, notes.read_text().splitlines()):
            begun = number if word is None and wrong is None else None
            if word is not None:
                tally.counts[word] += 1
            elif wrong is not None:
                tally.wrong[number] = wrong
        if child.exitcode == 0:
            break
        assert begun is not None, f"the process ended with {child.exitcode} outside of any trial"
        hung = child.exitcode == -signal.SIGALRM
        tally.wrong[begun] = "it never ended" if hung else f"the process ended with {child.exitcode}"
        numbers = numbers[numbers.index(begun) + 1 :]
    return tally


def _try(environment: dict[str, str], trial: Trial, numbers: Sequence[int], notes: Path, until: float | None) -> None:
    os.environ.clear()
    os.environ.update(environment)
    with_fakes()
    with notes.open("a", buffering=1) as file:
        for number in numbers:
            if until is not None and time.monotonic() > until:
                break
            print(json.dumps([number, None, None]), file=file)
            signal.alarm(HANGS_SECONDS)
            try:
                word, wrong = trial(number), None
            except Exception as error:
                last = traceback.extract_tb(error.__traceback__)[-1]
                word, wrong = None, f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
            signal.alarm(0)
            print(json.dumps([number, word, wrong]), file=file)
    os._exit(0)
