"""problems.txt: what was skipped and why, one line per image; absent when there is nothing to say."""

from pathlib import Path

from prep.dataset.own import remove_own, write_own
from prep.ledger import Ledger
from prep.names import printable
from prep.types import Problem

NAME = "problems.txt"


def write_problems(out: Path, problems: dict[str, Problem], ledger: Ledger) -> None:
    """problems: path in SRC -> why. Sorted, so that two runs give the same bytes."""
    if not problems:
        remove_own(out, NAME, ledger)
        return
    lines = [line(source, problem) for source, problem in sorted(problems.items())]
    write_own(out, NAME, "".join(lines).encode("utf-8", "backslashreplace"), ledger)


def line(source: str, problem: Problem) -> str:
    hint = f"; {problem.hint}" if problem.hint else ""
    return f"{printable(source)}: {problem.kind}: {problem.message}{hint}\n"


def summary(problems: dict[str, Problem], total: int) -> str:
    """'3 of 4,012 skipped: 2 damaged, 1 empty.'"""
    kinds: dict[str, int] = {}
    for problem in problems.values():
        kinds[problem.kind] = kinds.get(problem.kind, 0) + 1
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0])))
    return f"{len(problems):,} of {total:,} skipped: {counts}"
