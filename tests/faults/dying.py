"""Runs that are killed: at a named point (PREP_CRASH, see prep/files.py), in a forked process that costs little."""

import contextlib
import os
import signal
import sys
from multiprocessing import get_context
from pathlib import Path

from prep.cli import main
from prep.pipeline import road  # noqa: F401 - loaded once, before the processes are forked
from tests.fakes import FakeTagger, read_with
from tests.support.runs import run_here

forks = get_context("forkserver")  # not fork: this process has threads
forks.set_forkserver_preload([__name__, "tests.faults.apart", "pandas"])  # Arrow imports pandas where it is


def killed(src: Path, out: Path, tagger: Path, *sets: str, point: str, **options) -> bool:
    """A run with a fake tagger that dies by SIGKILL at a point such as `after rename:7` -> whether it came so far."""
    child = forks.Process(target=_child, args=({**os.environ, "PREP_CRASH": point}, src, out, tagger, sets, options))
    child.start()
    child.join()
    assert child.exitcode in (0, -signal.SIGKILL), f"ended with {child.exitcode}"
    return child.exitcode != 0


def signalled(src: Path, out: Path, tagger: Path, *, number: int, after_images: int) -> tuple[int, str, str]:
    """`prep run` with a fake tagger; the process gets a signal after so many images -> (exit code, stdout, stderr)."""
    told = out.with_name("stdout"), out.with_name("stderr")
    arguments = ["prep", "run", src, "--out", out, "--set", f"tagger.model={tagger}", "--set", "scan.min_side_px=16"]
    child = forks.Process(
        target=_signalled, args=(dict(os.environ), [*map(str, arguments)], told, number, after_images)
    )
    child.start()
    child.join()
    return child.exitcode, *(path.read_text() for path in told)


def _signalled(environment: dict[str, str], arguments: list[str], told: tuple, number: int, after_images: int) -> None:
    class Signalling(FakeTagger):
        def scores(self, batch):
            if self.scored >= after_images:
                os.kill(os.getpid(), number)
            return super().scores(batch)

    os.environ.clear()
    os.environ.update(environment)
    read_with(lambda options: Signalling())
    with told[0].open("w") as sys.stdout, told[1].open("w") as sys.stderr:
        sys.argv = arguments
        main()


def _child(environment: dict[str, str], src: Path, out: Path, tagger: Path, sets: tuple, options: dict) -> None:
    os.environ.clear()
    os.environ.update(environment)
    read_with(lambda options: FakeTagger())
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        run_here(src, out, tagger, *sets, **options)
