"""The buckets that sd-scripts will train in, with what each picture loses by its crop."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from prep.crops.derive import cuts, heads_in
from prep.dataset.buckets import Placement, by_bucket, warnings
from prep.jobs.detect import FOUND, found_in
from prep.ledger import DryLedger
from prep.names import quantity
from prep.report.trained import Trained, trained
from prep.review.board import Board
from prep.review.items import Item
from prep.review.session import Session
from prep.types import Box, is_real

HEAD = "not measured"  # whether a head is cut: no detector has looked for one, or it found none
WHOLE = "whole"
CUT = 0.02  # share of a head: what is less is not seen
MOST_NAMED = 4


class _Picture(NamedTuple):
    at: int
    file: str
    width: int
    height: int
    trains: bool


def buckets_of(session: Session) -> dict[str, Any]:
    datasets, why = _trained(session)
    if why:
        return {"note": f"kohya/dataset.toml {why}", "datasets": []}
    items, heads = session.board.items, _heads(session.out)
    return {"note": "", "datasets": [_dataset(each, items, heads) for each in datasets]}


def bucket_of(session: Session, item: Item) -> dict[str, Any] | None:
    """Of one picture; None: it does not train, or its dataset.toml is wrong."""
    for each in _trained(session)[0]:
        if (placement := each.placements.get(item.place)) is not None:
            width, height = placement.bucket
            return {"width": width, "height": height} | _cut(placement)
    return None


def _trained(session: Session) -> tuple[list[Trained], str]:
    """Of the pictures that train now."""
    board: Board = session.board
    with board.lock:
        pictures = [
            _Picture(item.place, item.file, item.width, item.height, item.captioned)
            for item in board.items
            if item.status == "kept" and item.file
        ]
    return trained(session.out, pictures)


def _heads(out: Path) -> dict[str, list[Box]]:
    """sha256 -> the heads in it, of the pictures that a run with crops looked at."""
    found: dict[str, list[Box]] = {}
    for row in DryLedger(out / ".prep" / "ledger").table(FOUND).to_pylist():
        if heads := heads_in(found_in(row)):
            found[row["subject"]] = heads
    return found


def _lost_head(item: Item, placement: Placement, heads: dict[str, list[Box]]) -> float | None:
    """The share of a head, 0-1, that the bucket's crop takes: the worst of several. None: not known."""
    boxes = heads.get(item.image_id, ()) if is_real(item.origin) and not item.retouched else ()
    return max((cuts(box, placement.crop, item.width, item.height) for box in boxes), default=None)


def _cut_heads(of: Trained, items: list[Item], heads: dict[str, list[Box]]) -> Iterator[str]:
    lost = [(items[place], share) for place, placement in of.placements.items()
            if placement and (share := _lost_head(items[place], placement, heads) or 0.0) >= CUT]  # fmt: skip
    if lost:
        lost.sort(key=lambda pair: (-pair[1], pair[0].place))
        named = [f"{item.name} ({item.character}, {share:.0%} of it)" for item, share in lost[:MOST_NAMED]]
        more = f" and {len(lost) - MOST_NAMED:,} more" if lost[MOST_NAMED:] else ""
        yield f"the crop cuts a head in {quantity(len(lost), 'picture')}: {', '.join(named)}{more}"


def _dataset(of: Trained, items: list[Item], heads: dict[str, list[Box]]) -> dict[str, Any]:
    rules = of.rules
    if rules is None:
        return {"resolution": 0, "step": 0, "no_upscale": False, "buckets": [],
                "warnings": ["sd-scripts stops at the numbers of this dataset: `prep lint` says why"]}  # fmt: skip
    return {
        "resolution": rules.resolution[0],
        "step": rules.step,
        "no_upscale": rules.no_upscale,
        "warnings": [*_cut_heads(of, items, heads), *warnings(of.placements, of.batch_size)],
        "buckets": [
            {
                "width": bucket[0],
                "height": bucket[1],
                "count": len(places),
                "warning": "the only picture of its shape: it is in no batch with others" if len(places) == 1 else "",
                "pictures": [_row(items[place], of.placements[place], heads) for place in places],
            }
            for bucket, places in by_bucket(of.placements).items()
        ],
    }


def _row(item: Item, placement: Placement, heads: dict[str, list[Box]]) -> dict[str, Any]:
    lost = _lost_head(item, placement, heads)
    head = HEAD if lost is None else WHOLE if lost < CUT else f"{lost:.0%} cut off"
    about = {"id": item.id, "name": item.name, "width": item.width, "height": item.height}
    return about | _cut(placement) | {"small": placement.small, "head": head}


def _cut(placement: Placement) -> dict[str, Any]:
    return {
        "crop": [round(each, 4) for each in placement.crop],
        "lost": round(placement.lost, 4),
        "upscaled": placement.upscaled,
    }
