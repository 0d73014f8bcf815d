"""A kill -9 before any operation that changes files below a folder, whatever code asks for it: Python's audit hook sees
each, also those of code that never heard of crash points.

python -m tests.faults.operations N FOLDER push OUT ...     # `prep push OUT ...` that dies before its N-th; 0: never
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.faults.dying import forks

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}
TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """Counts the operations of this process, and ends it before the one that is asked for. A hook stays for good."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.number, self.count = os.fsencode(folder), number, 0
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple) -> None:
        if event not in CHANGES and not (event == "open" and arguments[2] & TO_WRITE):
            return
        if not any(isinstance(each, str | bytes | os.PathLike) and self._inside(each) for each in arguments[:2]):
            return
        self.count += 1
        if self.count == self.number:
            os.kill(os.getpid(), signal.SIGKILL)

    def _inside(self, path: str | bytes | os.PathLike) -> bool:
        return os.fsencode(path).startswith(self.folder)


def killed(commands: Sequence[tuple], folder: Path, number: int = 0) -> int:
    """Type commands in a forked process that is killed before its N-th operation on files below folder; 0: it is not.

    -> how many operations there were, or 0 when it was killed.
    """
    told = folder.with_name(f"{folder.name}.count")
    told.unlink(missing_ok=True)
    child = forks.Process(target=_typed, args=(dict(os.environ), commands, folder, number, told))
    child.start()
    child.join()
    if child.exitcode == -signal.SIGKILL:
        return 0
    assert child.exitcode == 0 and told.exists(), f"{commands} ended with {child.exitcode}"
    return int(told.read_text())


def _typed(environment: dict[str, str], commands: Sequence[tuple], folder: Path, number: int, told: Path) -> None:
    from tests.faults.apart import typed, with_fakes

    os.environ.clear()
    os.environ.update(environment)
    with_fakes()
    watch = Watch(folder, number)
    for command in commands:
        said = typed(*command)
        assert said.code in (0, 1), f"{command}: {said.err}"
    told.write_text(str(watch.count))


if __name__ == "__main__":
    from prep.cli import main

    number, folder, *sys.argv[1:] = sys.argv[1:]
    Watch(Path(folder), int(number))
    main()
