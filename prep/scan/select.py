"""Which images may enter the set: copies, size, shape, blur. Records in, rows out; no pixels."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prep.png_chunks import SKIPPED
from prep.scan._measured import refs_of, table_of
from prep.sections import Scan
from prep.types import ImageRef, Row

SHOWN_FLAGS = {"animated"} | SKIPPED  # the scan's flags that describe the picture itself


def select(refs: Iterable[ImageRef], settings: Scan) -> Iterator[Row]:
    """Rows in manifest order: by (character, image, path). Among files of a character with the same pixels, the first
    path in byte order is kept; a picture that two characters share is kept for both, and flagged.
    """
    table = table_of(refs)
    copies, shared = _alike(table)
    order = pc.sort_indices(table, [(name, "ascending") for name in ("character", "sha256", "path")]).to_numpy()
    for at, ref in zip(order.tolist(), refs_of(table, order), strict=True):
        status, reason = _verdict(ref, settings, bool(copies[at]))
        flags = SHOWN_FLAGS.intersection(ref.flags)
        if shared[at]:
            flags |= {"shared"}
        if not ref.problem and ref.sharpness < settings.min_sharpness:
            flags |= {"blurred"}
        yield Row(ref, status=status, reason=reason, flags=tuple(sorted(flags)))


def _alike(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """-> (bool [N]: whether an earlier file of its character shows the same; bool [N]: whether another character has
    it, too). Of files that could not be read, neither.
    """
    read = pc.not_equal(table["sha256"], "").to_numpy()
    same = _numbered(pc.if_else(pc.equal(table["pixels"], ""), table["sha256"], table["pixels"]))
    character = _numbered(table["character"])
    by_path = pc.sort_indices(table["path"]).to_numpy()
    by_path = by_path[read[by_path]]
    characters = 1 + character.max(initial=0)
    shown = same * characters + character
    found, first = np.unique(shown[by_path], return_index=True)
    copies = read.copy()
    copies[by_path[first]] = False
    owners = np.bincount(found // characters, minlength=len(same))
    return copies, read & (owners[same] > 1)


def _numbered(column: pa.ChunkedArray) -> np.ndarray:
    """int64 [N]: equal texts get equal numbers, from 0 on."""
    return column.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)


def unfit(width: int, height: int, sharpness: float, settings: Scan) -> str | None:
    """Why a picture of these measures may not enter the set; None: it may."""
    if min(width, height) < settings.min_side_px:
        return "too_small"
    if max(width, height) > settings.max_aspect * min(width, height):
        return "aspect"
    if settings.blurred == "drop" and sharpness < settings.min_sharpness:
        return "blurred"
    return None


def capped(rows: Sequence[Row], max_images: int) -> Iterator[Row]:
    """At most max_images kept rows per character: near copies go first, then the smallest."""
    places: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        if row.status == "kept":
            places[row.ref.character].append(at)
    over: set[int] = set()
    for kept in places.values():
        best_first = sorted(kept, key=lambda at: (rows[at].near_of is not None, -_pixels(rows[at].ref)))
        over.update(best_first[max_images:])
    for at, row in enumerate(rows):
        yield row._replace(status="rejected", reason="over_cap") if at in over else row


def _pixels(ref: ImageRef) -> int:
    return ref.width * ref.height


def _verdict(ref: ImageRef, settings: Scan, copy: bool) -> tuple[str, str | None]:
    if ref.problem:
        return "unreadable", ref.problem.kind
    if copy:
        return "duplicate", "copy"
    why = unfit(ref.width, ref.height, ref.sharpness, settings)
    return ("rejected", why) if why else ("kept", None)
