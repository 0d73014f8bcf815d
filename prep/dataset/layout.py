"""How an OUT's kohya/ is laid out: settled when it is begun, so that names, and a trainer's caches with them, stay."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from prep.edits.placed import Placement
from prep.ledger import Ledger, Shelf

LAYOUT = Shelf("layout", (pa.field("names", pa.string()), pa.field("metadata", pa.string())))


@dataclass(frozen=True)
class Layout:
    readable: bool  # names begin with the source's own, not with the character's
    strip: bool  # pictures lie there without GPS, comments and the like


def layout_of(ledger: Ledger, placement: Placement, metadata: Literal["auto", "strip", "keep"]) -> Layout:
    """The layout of this OUT, kept from now on. metadata: the setting; "auto" is "strip" in a new OUT, and as it was in
    an older one.
    """
    row = ledger.rows(LAYOUT).get("kohya")
    begun = row or (
        {"names": "character", "metadata": "keep"} if _by_0_1_0(placement) else {"names": "source", "metadata": "strip"}
    )
    now = {"names": begun["names"], "metadata": begun["metadata"] if metadata == "auto" else metadata}
    if row is None or {name: row[name] for name in now} != now:
        ledger.write(LAYOUT, [{"subject": "kohya", "recipe": "", **now}])
    return Layout(now["names"] == "source", now["metadata"] == "strip")


def _by_0_1_0(placement: Placement) -> bool:
    """Whether all that lies in kohya/ is named by its character, as 0.1.0 did, which kept no layout. Of another OUT
    it may be lost.
    """
    names = [(placed.stem.rpartition("-")[0], placed.group) for placed in placement.known.values()]
    return bool(names) and all(begin == group for begin, group in names)
