"""Where the heads are in a set's pictures, as runs with crops found them, and what a trainer's bucket takes from them.

Opens no picture: a crop's head follows from the head in the picture that it was cut from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from prep.crops.derive import cuts, heads_in, within
from prep.dataset.buckets import Placement
from prep.jobs.crop import PLACES
from prep.jobs.detect import FOUND, SIDES, found_in
from prep.ledger import DryLedger
from prep.names import quantity
from prep.types import Box

CUT = 0.02  # share of a head: what is less is not seen
MOST_NAMED = 4
Heads = Mapping[str, Sequence[Box]]  # sha256 of a picture -> the heads in it, pixels


def heads_of(out: Path) -> Heads:
    """Of the pictures in which any was found, and of their crops as prep cut them. out: the dataset folder."""
    ledger = DryLedger(out / ".prep" / "ledger")
    found: dict[str, list[Box]] = {}
    for row in ledger.table(FOUND).to_pylist():
        if heads := heads_in(found_in(row)):
            found[row["subject"]] = heads
    for row in ledger.table(PLACES).to_pylist():
        crop = Box(*(row[side] for side in SIDES))
        if heads := [own for head in found.get(row["parent"], ()) if (own := within(head, crop))]:
            found[row["subject"]] = heads
    return found


def lost_head(heads: Sequence[Box], placement: Placement, width: int, height: int) -> float | None:
    """The share of a head, 0-1, that the bucket's crop takes: the worst of several. None: no head is known.

    width, height: of the picture, pixels.
    """
    return max((cuts(head, placement.crop, width, height) for head in heads), default=None)


def cut_heads(lost: Iterable[tuple[str, str, float]]) -> Iterator[str]:
    """Yield at most one sentence. lost: a picture's name, its character, and the share of its head that is lost."""
    much = sorted((each for each in lost if each[2] >= CUT), key=lambda each: -each[2])
    if much:
        named = [f"{name} ({character}, {share:.0%} of it)" for name, character, share in much[:MOST_NAMED]]
        more = f" and {len(much) - MOST_NAMED:,} more" if much[MOST_NAMED:] else ""
        yield f"the crop cuts a head in {quantity(len(much), 'picture')}: {', '.join(named)}{more}"
