"""What was drawn and judged the last time, for a run that draws nothing: the pictures stay in the set as they were.

Another configuration, or a model that is not at hand today, takes no accepted picture away.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from prep.drawing.measure import place
from prep.drawing.rounds import row_of
from prep.files import PICTURE_BYTES, is_regular, read_file
from prep.jobs.draw import DRAW, draw_recipe, ref_from_draw, request_of
from prep.ledger import Ledger, Shelf
from prep.run import Places
from prep.types import Check, GenerationRequest, Row, is_real

JUDGED = Shelf(
    "judged",  # subject: the request's key
    (
        pa.field("standing", pa.bool_()),  # whether the last run that drew had it
        pa.field("request", pa.string()),  # JSON
        pa.field("check", pa.string()),  # JSON
    ),
)
Judged = tuple[GenerationRequest, Check, Path]


def keep_judged(rows: Iterable[Row], ledger: Ledger) -> None:
    """Remember what this run drew and what the check said, and nothing else."""
    now = {row.made.recipe: _written(row) for row in rows}
    before = ledger.rows(JUDGED)
    gone = (found | {"standing": False} for key, found in before.items() if found["standing"] and key not in now)
    ledger.write(JUDGED, [*(found for key, found in now.items() if found != before.get(key)), *gone])


def standing(ledger: Ledger, where: Places, real: Sequence[Row], manifest: Iterable[dict[str, Any]]) -> list[Judged]:
    """What was drawn the last time, and where it lies; without pictures that are gone, or whose parent is.

    real: the rows of SRC. manifest: the last run's rows, for an OUT of 0.1.0, which kept no verdicts in its ledger.
    """
    parents = {(row.ref.character, row.ref.sha256) for row in real if row.status == "kept"}
    found = []
    for request, check in _judged(ledger) if ledger.parts(JUDGED) else _judged_by_0_1_0(ledger, where, manifest):
        if request.character not in where.slugs:
            continue
        if request.parent and (request.character, request.parent) not in parents:
            continue
        if path := place(request, where):
            found.append((request, check, path))
    return found


def rows_of(judged: Iterable[Judged], ledger: Ledger, where: Places, measure_px: int) -> list[Row]:
    """Their rows, as the check left them. Those that were not measured are left out."""
    book = ledger.book(DRAW, draw_recipe(measure_px))
    rows = []
    for request, check, path in judged:
        if measures := book.get(request.key):
            rows.append(row_of(request, ref_from_draw(request, measures, str(path.relative_to(where.out))), check))
    return rows


def _judged(ledger: Ledger) -> Iterator[tuple[GenerationRequest, Check]]:
    for row in ledger.rows(JUDGED).values():
        if row["standing"]:
            yield GenerationRequest(**_plain(row["request"])), Check(**_plain(row["check"]))


def _judged_by_0_1_0(
    ledger: Ledger, where: Places, manifest: Iterable[dict[str, Any]]
) -> Iterator[tuple[GenerationRequest, Check]]:
    """From the manifest's verdicts, and from what each PNG says that it was asked for."""
    rows = {row["image_id"]: row for row in manifest if not is_real(row["origin"])}
    if not rows:
        return
    keys = {row["sha256"]: row["subject"] for row in ledger.table(DRAW).to_pylist()}
    files = {path.stem: path for path in (where.out / "generated").glob("*/*/*.png")}
    for sha256, row in rows.items():
        path = files.get(keys.get(sha256, ""))
        request = request_of(read_file(path, PICTURE_BYTES)) if path and is_regular(path) else None
        if request and request.key == path.stem:
            missing, unwanted = tuple(row["check_missing"] or ()), tuple(row["check_unwanted"] or ())
            score, kept = row["check_score"] or 0.0, row["reason"] is None
            yield request, Check(score, kept, row["reason"], missing=missing, unwanted=unwanted)


def _written(row: Row) -> dict[str, Any]:
    check = row.made.judged or row.made.check
    return {
        "subject": row.made.recipe,
        "recipe": "",
        "standing": True,
        "request": json.dumps(row.made.request.content),
        "check": json.dumps(asdict(check)),
    }


def _plain(text: str) -> dict[str, Any]:
    found = json.loads(text)
    return {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}
