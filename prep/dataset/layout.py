"""How an OUT's kohya/ is laid out: fixed by the first run, so that names, and a trainer's caches with them, stay."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from prep.edits.placed import Placement
from prep.ledger import Ledger, Shelf

LAYOUT = Shelf("layout", (pa.field("names", pa.string()), pa.field("metadata", pa.string())))


@dataclass(frozen=True)
class Layout:
    readable: bool  # names begin with the source file's name, not the character's
    strip: bool  # pictures are stored without GPS, comments and other metadata
    changed: bool = False  # files there may still follow the earlier setting


def layout_of(ledger: Ledger, placement: Placement, metadata: Literal["auto", "strip", "keep"]) -> Layout:
    """The layout of this OUT; how names begin never changes afterwards.

    metadata: the setting; "auto" is "strip" in a new OUT, and unchanged in an older one.
    """
    row = ledger.rows(LAYOUT).get("kohya")
    old = (
        {"names": "character", "metadata": "keep"} if _by_0_1_0(placement) else {"names": "source", "metadata": "strip"}
    )
    begun = row or {"subject": "kohya", "recipe": "", **old}
    if row is None:
        ledger.write(LAYOUT, [begun])
    now = begun["metadata"] if metadata == "auto" else metadata
    return Layout(begun["names"] == "source", now == "strip", now != begun["metadata"])


def keep_layout(ledger: Ledger, layout: Layout) -> None:
    """Record that all of kohya/ has this layout. After an interrupted run, the next one checks all files again."""
    if layout.changed:
        names, metadata = ("source" if layout.readable else "character"), ("strip" if layout.strip else "keep")
        ledger.write(LAYOUT, [{"subject": "kohya", "recipe": "", "names": names, "metadata": metadata}])


def _by_0_1_0(placement: Placement) -> bool:
    """Whether everything in kohya/ is named by its character, as 0.1.0 did, which kept no layout. Another OUT may have
    lost its layout.
    """
    names = [(placed.stem.rpartition("-")[0], placed.group) for placed in placement.known.values()]
    return bool(names) and all(begin == group for begin, group in names)
