"""What is wrong with a set, with what can be done about it from the page; and near copies, side by side."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prep.dataset.problems import NAME
from prep.files import read_file
from prep.names import printable
from prep.review.board import Board
from prep.review.items import Item
from prep.types import is_real

LINE = re.compile(r"(.*?): (\w+): (.*?)(?:; ([^;]*))?")
MOST = 2_000  # problems, or groups of near copies


def problems_of(out: Path, board: Board) -> dict[str, Any]:
    with board.lock:
        by_place = {place: item for item in board.items for place in (item.source, item.file) if place}
        problems = [_problem(by_place, *parts) for parts in _lines(out)]
        return {"problems": problems[:MOST], "count": len(problems), "copies": [*_copies(board)][:MOST]}


def _problem(by_place: dict[str, Item], where: str, kind: str, message: str, hint: str) -> dict[str, Any]:
    item = by_place.get(where)
    return {
        "id": item.id if item else None,
        "where": where,
        "kind": kind,
        "message": message,
        "hint": hint,
        "actions": _actions(item) if item else [],
        "status": item.status if item else None,
        "verdict": item.verdict if item else None,
    }


def _actions(item: Item) -> list[str]:
    if item.verdict:
        return ["restore"]
    if item.by_prep == "kept":
        return ["exclude"]
    return ["accept"] if item.by_prep == "rejected" and is_real(item.origin) else []


def _lines(out: Path) -> Iterator[tuple[str, str, str, str]]:
    """(where, kind, message, hint) of problems.txt."""
    try:
        text = read_file(out / NAME).decode("utf-8", "backslashreplace")
    except OSError:
        return
    for line in text.splitlines():
        if found := LINE.fullmatch(line):
            yield found[1], found[2], found[3], found[4] or ""


def _copies(board: Board) -> Iterator[dict[str, Any]]:
    """Groups of near copies: the one that the others are copies of comes first."""
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in board.items:
        if item.near_of and item.status == "kept":
            groups.setdefault((item.character, item.near_of), []).append(item)
    for (character, image_id), copies in groups.items():
        first = [each for each in board.by_image.get(image_id, ()) if each.character == character]
        there = [each for each in first if each.status == "kept"]
        settled = all(each.verdict == "accepted" for each in copies)
        if len(there) + len(copies) > 1 and not settled:
            yield {
                "pictures": [each.row() for each in (*there, *copies)],
                "note": f"nearly the same picture of {printable(character)}; the first is the largest",
            }
