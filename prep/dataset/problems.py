"""problems.txt: what is not in the set and why, one line each; and the line that counts all files in SRC."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from prep.dataset.own import remove_own, write_own
from prep.ledger import Ledger
from prep.names import printable, quantity
from prep.types import Problem

NAME = "problems.txt"
SHOWN = 30  # reasons per line; the others are counted together


def write_problems(
    out: Path, problems: Mapping[str, Problem], left_out: Iterable[tuple[str, Problem]], ledger: Ledger
) -> None:
    """problems: path in SRC -> what went wrong; these come first. left_out: what the rules leave out, and hints.

    Both are sorted, so that two runs give the same bytes.
    """
    lines = [line(*each) for each in (*sorted(problems.items()), *sorted(left_out))]
    if lines:
        write_own(out, NAME, "".join(lines).encode("utf-8", "backslashreplace"), ledger)
    else:
        remove_own(out, NAME, ledger)


def line(source: str, problem: Problem) -> str:
    hint = f"; {problem.hint}" if problem.hint else ""
    return f"{printable(source)}: {problem.kind}: {problem.message}{hint}\n"


def equation(kept: int, counted: Mapping[str, int], left_out: Mapping[str, int]) -> str:
    """'41 files in SRC: 30 pictures kept, 6 captions; left out: 3 too_small, 1 copy, 1 HEIF': the numbers add up.

    counted: captions and other files that are neither pictures nor left out.
    """
    total = kept + sum(counted.values()) + sum(left_out.values())
    found = [f"{quantity(kept, 'picture')} kept", *(quantity(count, name) for name, count in sorted(counted.items()))]
    out = f"; left out: {reasons(left_out)}" if left_out else ""
    return f"{quantity(total, 'file')} in SRC: {', '.join(found)}{out}"


def reasons(counts: Mapping[str, int]) -> str:
    """'2 damaged, 1 empty', the most frequent first."""
    in_order = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{count:,} {printable(name)}" for name, count in in_order[:SHOWN]]
    if rest := sum(count for _, count in in_order[SHOWN:]):
        shown.append(f"{rest:,} others")
    return ", ".join(shown)
