"""problems.txt as rows: what was left out or went wrong, and what to do. Its lines may hold anything."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from prep.dataset.problems import NAME
from prep.files import read_file
from prep.report.facts import without_paths

BYTES = 16_000_000


class Line(NamedTuple):
    file: str
    kind: str
    message: str
    hint: str


def read_problems(out: Path) -> tuple[list[Line], str]:
    """-> (its lines, why they cannot be read)."""
    try:
        data = read_file(out / NAME, BYTES)
    except FileNotFoundError:
        return [], ""
    except OSError as error:
        return [], f"{NAME} cannot be read ({error.strerror or error})"
    folders = (out, out.absolute(), out.resolve(), Path.home())
    lines = data.decode("utf-8", "replace").splitlines()
    return [_line(without_paths(line, *folders)) for line in lines if line.strip()], ""


def kinds(lines: list[Line]) -> list[tuple[str, int]]:
    """(kind, how many), the most frequent first."""
    counts = Counter(line.kind for line in lines)
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _line(text: str) -> Line:
    """`mira/a.png: damaged: cannot be decoded; save the image again`"""
    file, kind, message = (*text.split(": ", 2), "", "")[:3]
    message, _, hint = message.partition("; ")
    return Line(file, kind or "problem", message, hint)
