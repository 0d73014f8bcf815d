"""The buckets that sd-scripts will train in, with what each picture loses by its crop."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from prep.dataset.buckets import Placement, by_bucket, warnings
from prep.dataset.heads import CUT, Heads, cut_heads, heads_of, lost_head
from prep.report.trained import Trained, trained
from prep.review.board import Board
from prep.review.items import Item
from prep.review.session import Session

HEAD = "not measured"  # whether a head is cut: no detector has looked for one, or it found none
WHOLE = "whole"


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
    items, heads = session.board.items, heads_of(session.out)
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


def _lost_head(item: Item, placement: Placement, heads: Heads) -> float | None:
    """The share of a head, 0-1, that the bucket's crop takes. None: not known."""
    boxes = heads.get(item.image_id, ()) if not item.retouched else ()
    return lost_head(boxes, placement, item.width, item.height)


def _cut_heads(of: Trained, items: list[Item], heads: Heads) -> Iterator[str]:
    lost = ((items[place], _lost_head(items[place], placement, heads) or 0.0)
            for place, placement in sorted(of.placements.items()) if placement)  # fmt: skip
    return cut_heads((item.name, item.character, share) for item, share in lost)


def _dataset(of: Trained, items: list[Item], heads: Heads) -> dict[str, Any]:
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


def _row(item: Item, placement: Placement, heads: Heads) -> dict[str, Any]:
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
