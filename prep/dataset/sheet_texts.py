"""What a sheet says under each picture, and in which colour. Draws nothing."""

from collections.abc import Sequence
from pathlib import Path

from prep.dataset.manifest import manner
from prep.names import printable
from prep.types import Row

INK, FAINT = (30, 30, 34), (120, 120, 128)
GOOD, BAD = (20, 120, 60), (180, 40, 40)


def caption(row: Row) -> str:
    if row.final_text is None:
        return "(its caption cannot be read)"
    return row.final_text or "(empty)"


def source(row: Row) -> list[str]:
    """Where a real picture comes from, where to edit its caption, and how it was tagged."""
    if row.made:
        return []
    sidecar = [Path(row.exported).with_suffix(".txt").name] if row.exported else []
    how = [f"{row.complexity}, threshold {row.caption.threshold:.2f}"] if row.caption else []
    return [printable(row.ref.path), *sidecar, *how]


def best_first(row: Row) -> tuple:
    check = row.made.check
    return (not check.kept, -check.score, row.ref.sha256) if check else (not row.trains, 0.0, row.ref.sha256)


def verdict_on(row: Row, situation: Sequence[str] = ()) -> list[tuple[tuple[int, int, int], str]]:
    """(ink, text) of the check's verdict on a drawn picture; of a crop its caption."""
    if not row.made:
        return []
    if row.made.check is None:
        return [(INK, caption(row))] if row.trains else [(BAD, row.reason or row.status)]
    check, request = row.made.check, row.made.request
    how = f" ({manner(request)})" if row.origin == "augmentation" else ""
    lines = [(GOOD if check.kept else BAD, f"{check.score:.2f} {'accepted' if check.kept else check.reason}{how}")]
    for name, tags in (
        ("asked", request.changes or situation),
        ("missing", check.missing),
        ("unwanted", check.unwanted),
    ):
        if tags:
            lines.append((INK if name == "asked" else FAINT, f"{name}: {', '.join(tags).replace('_', ' ')}"))
    for name, measure in (("identity", check.identity), ("damage", check.damage)):
        if measure is not None:
            lines.append((FAINT, f"{name}: {measure:.2f}"))
    return lines
