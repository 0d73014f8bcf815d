"""The buckets that sd-scripts will train in, with what each picture loses by its crop."""

from typing import Any, NamedTuple

from prep.dataset.buckets import Placement, by_bucket, warnings
from prep.report.trained import Trained, trained
from prep.review.board import Board
from prep.review.items import Item
from prep.review.session import Session

HEAD = "not measured"  # whether a head is cut: no detector looks for one


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
    items = session.board.items
    return {"note": "", "datasets": [_dataset(each, items) for each in datasets]}


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


def _dataset(of: Trained, items: list[Item]) -> dict[str, Any]:
    rules = of.rules
    if rules is None:
        return {"resolution": 0, "step": 0, "no_upscale": False, "buckets": [],
                "warnings": ["sd-scripts stops at the numbers of this dataset: `prep lint` says why"]}  # fmt: skip
    return {
        "resolution": rules.resolution[0],
        "step": rules.step,
        "no_upscale": rules.no_upscale,
        "warnings": [*warnings(of.placements, of.batch_size)],
        "buckets": [
            {
                "width": bucket[0],
                "height": bucket[1],
                "count": len(places),
                "warning": "the only picture of its shape: it is in no batch with others" if len(places) == 1 else "",
                "pictures": [_row(items[place], of.placements[place]) for place in places],
            }
            for bucket, places in by_bucket(of.placements).items()
        ],
    }


def _row(item: Item, placement: Placement) -> dict[str, Any]:
    about = {"id": item.id, "name": item.name, "width": item.width, "height": item.height}
    return about | _cut(placement) | {"small": placement.small, "head": HEAD}


def _cut(placement: Placement) -> dict[str, Any]:
    return {
        "crop": [round(each, 4) for each in placement.crop],
        "lost": round(placement.lost, 4),
        "upscaled": placement.upscaled,
    }
