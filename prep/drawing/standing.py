"""What was drawn and judged in the last run, for a run that draws nothing: its pictures stay in the set.

Another configuration, or a model that is not on this machine today, removes no accepted picture.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from prep.documents import parse_json
from prep.drawing.measure import place
from prep.drawing.rounds import row_of
from prep.errors import ImageError, UsageError
from prep.files import PICTURE_BYTES, is_regular, read_file
from prep.images import png_text
from prep.jobs.draw import DRAW, draw_recipe, ref_from_draw
from prep.ledger import Ledger, Shelf
from prep.run import Places
from prep.types import BY_HAND, MEASURES, Check, GenerationRequest, Row, is_drawn

JUDGED = Shelf(
    "judged",  # subject: the request's key
    (
        pa.field("standing", pa.bool_()),  # whether the last run that drew included it
        pa.field("request", pa.string()),  # JSON
        pa.field("check", pa.string()),  # JSON
        pa.field("character", pa.string()),  # what it is called since; null: as in the request
    ),
)
Judged = tuple[GenerationRequest, Check, Path | None]  # None: its file is gone


def keep_judged(rows: Iterable[Row], ledger: Ledger, where: Places, real: Sequence[Row]) -> None:
    """Remember what this run drew and what the check said, and mark all else as no longer current, except pictures of
    characters and parents that are away: they come back together.

    real: the rows of SRC.
    """
    now = {row.made.recipe: _written(row) for row in rows}
    before = ledger.rows(JUDGED)
    left = {key: found for key, found in before.items() if found["standing"] and key not in now}
    here = {request.key for request, _ in _here(map(_judged, left.values()), where, real)}
    gone = (found | {"standing": False} for key, found in left.items() if key in here)
    ledger.write(JUDGED, [*(found for key, found in now.items() if found != before.get(key)), *gone])


def keep_names(requests: Iterable[GenerationRequest], ledger: Ledger) -> None:
    """Remember what the characters of these are called now."""
    known = ledger.rows(JUDGED)
    ledger.write(JUDGED, [known[each.key] | {"character": each.character} for each in requests if each.key in known])


def forget_judged(ledger: Ledger) -> None:
    """Mark all that was drawn so far as no longer current."""
    ledger.write(JUDGED, [row | {"standing": False} for row in ledger.rows(JUDGED).values() if row["standing"]])


def read_back(
    listed: Iterable[dict[str, Any]], ledger: Ledger, where: Places
) -> tuple[list[dict[str, Any]], list[Path]]:
    """Restore what the ledger lost. listed: rows of the manifest, which say how each picture was judged; the request is
    in its PNG.

    -> (the restored rows, the pictures that trained and cannot any longer: an editor saved them without the request).
    """
    known = ledger.rows(JUDGED)
    judged_before = {row["image_id"]: row for row in listed if is_drawn(row["origin"])}
    found, lost = [], []
    for slug in where.slugs.values() if judged_before else ():
        for path in sorted((where.out / "generated" / slug).glob("*/*.png")):
            if path.stem in known or not is_regular(path):
                continue
            row = None
            with suppress(OSError, ImageError, ValueError, TypeError, AttributeError):
                data = read_file(path, PICTURE_BYTES)
                row = judged_before.get(hashlib.sha256(data).hexdigest())
                request = GenerationRequest(**_plain(png_text(data, "prep") or ""))
                if row and request.key == path.stem:
                    found.append(_row(request, _check(row)))
                    continue
            if row and row["status"] == "kept":
                lost.append(path)
    ledger.write(JUDGED, found)
    return found, lost


def standing(
    ledger: Ledger, where: Places, real: Sequence[Row], restored: Sequence[dict[str, Any]] = ()
) -> list[Judged]:
    """What was last drawn, and where it is; without pictures whose parent is gone.

    real: the rows of SRC. restored: by read_back just now.
    """
    standing = (ledger.rows(JUDGED) | {row["subject"]: row for row in restored}).values()
    judged = (_judged(row) for row in standing if row["standing"])
    return [(request, check, place(request, where)) for request, check in _here(judged, where, real)]


def _here(
    judged: Iterable[tuple[GenerationRequest, Check]], where: Places, real: Sequence[Row]
) -> list[tuple[GenerationRequest, Check]]:
    """Those whose character and parent are in SRC. If a character has none of the pictures any longer that they were
    drawn from, they are those of the one that has them now: folders were renamed, joined or parted.
    """
    judged = list(judged)
    parents = {request.parent for request, _ in judged if request.parent}
    kept, holders = set(), defaultdict(set)
    for row in real if judged else ():
        if row.ref.sha256 in parents:
            holders[row.ref.sha256].add(row.ref.character)
            if row.status == "kept":
                kept.add((row.ref.character, row.ref.sha256))
    names = _names((request for request, _ in judged), where.slugs, holders)
    found = []
    for request, check in judged:
        now = names[_drawn_as(request)]
        if request.parent:
            others = () if request.character in where.slugs else sorted(holders[request.parent])
            now = next((name for name in (request.character, now, *others) if (name, request.parent) in kept), None)
        if now:
            found.append((request if now == request.character else request.of(now, request.character), check))
    return found


def _names(
    requests: Iterable[GenerationRequest], there: Collection[str], holders: Mapping[str, Collection[str]]
) -> dict[tuple[str, str], str | None]:
    """What the characters of these are called now: as before while any of their parents lie there, else as the one that
    has most of them. None: nobody has any.

    holders: sha256 -> the characters whose folders it lies in.
    """
    votes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for request in requests:
        votes[_drawn_as(request)].update(holders.get(request.parent or "", ()))
    found: dict[tuple[str, str], str | None] = {}
    for (last, first), counts in votes.items():
        most = max(sorted(counts), key=counts.__getitem__, default=None)
        found[last, first] = last if counts[last] or most is None and last in there else most
    return found


def _drawn_as(request: GenerationRequest) -> tuple[str, str]:
    """What its character was called at the last run, and when it was drawn."""
    return request.character, request.content["character"]


def rows_of(judged: Iterable[Judged], ledger: Ledger, where: Places, measure_px: int) -> list[Row]:
    """Their rows, with the check's verdicts. Pictures that are gone or were not measured are left out."""
    book = ledger.book(DRAW, draw_recipe(measure_px))
    rows = []
    for request, check, path in judged:
        if path and (measures := book.get(request.key)):
            ref = ref_from_draw(request, measures, path.relative_to(where.out).as_posix())
            rows.append(row_of(request, ref, check))
    return rows


def _written(row: Row) -> dict[str, Any]:
    return _row(row.made.request, row.made.judged or row.made.check)


def _row(request: GenerationRequest, check: Check) -> dict[str, Any]:
    return {
        "subject": request.key,
        "recipe": "",
        "standing": True,
        "request": json.dumps(request.content),
        "character": request.character,
        "check": json.dumps(
            {name: value for name, value in asdict(check).items() if name not in MEASURES or value is not None}
        ),
    }


def _check(row: dict[str, Any]) -> Check:
    """What the check said, from a row of the manifest: the opposite of the user's verdict where there is one."""
    by_hand = BY_HAND in (row["flags"] or ())
    kept = (row["status"] != "rejected") != by_hand
    reason = None if kept or by_hand else row["reason"]
    missing, unwanted = (tuple(row[name] or ()) for name in ("check_missing", "check_unwanted"))
    measures = {name: row.get(f"check_{name}") for name in MEASURES}
    return Check(row["check_score"] or 0.0, kept, reason, missing=missing, unwanted=unwanted, **measures)


def _judged(row: dict[str, Any]) -> tuple[GenerationRequest, Check]:
    """Raises UsageError for a row written by a later prep, which this one would misread."""
    try:
        request = GenerationRequest(**_plain(row["request"]))
        now = row["character"] or request.character
        return request if now == request.character else request.of(now), Check(**_plain(row["check"]))
    except (TypeError, ValueError, AttributeError):
        raise UsageError(
            "the ledger's record of a drawn picture cannot be read",
            hint="move .prep/ledger/judged away: prep then reads it back from the manifest and the pictures",
        ) from None


def _plain(text: str) -> dict[str, Any]:
    found = parse_json(text)
    return {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}
