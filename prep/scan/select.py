"""Which images may enter the set: copies, size, shape, blur. Records in, rows out; no pixels."""

import os
from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter

from prep.png_chunks import SKIPPED
from prep.sections import Scan
from prep.types import ImageRef, Row

SHOWN_FLAGS = {"animated"} | SKIPPED  # the scan's flags that describe the picture itself


def select(refs: Sequence[ImageRef], settings: Scan) -> list[Row]:
    """Rows in manifest order: by (character, image, path). Among files of a character with the same pixels, the first
    path in byte order is kept; a picture that two characters share is kept for both, and flagged.
    """
    first: dict[str, dict[str, ImageRef]] = defaultdict(dict)  # character -> what its files show -> the first of them
    owner: dict[str, str] = {}
    shared: set[str] = set()
    refs = sorted(refs, key=_path_bytes)
    for ref in refs:
        if ref.sha256:
            first[ref.character].setdefault(ref.same, ref)
            if owner.setdefault(ref.same, ref.character) != ref.character:
                shared.add(ref.same)
    rows: list[Row] = []
    for ref in sorted(refs, key=attrgetter("character", "sha256")):  # of equal ones by path still
        original = first[ref.character].get(ref.same, ref)
        status, reason = _verdict(ref, settings, copy=original is not ref)
        flags = SHOWN_FLAGS.intersection(ref.flags)
        if ref.same in shared:
            flags |= {"shared"}
        if not ref.problem and ref.sharpness < settings.min_sharpness:
            flags |= {"blurred"}
        rows.append(Row(ref, status=status, reason=reason, flags=tuple(sorted(flags))))
    return rows


def unfit(width: int, height: int, sharpness: float, settings: Scan) -> str | None:
    """Why a picture of these measures may not enter the set; None: it may."""
    if min(width, height) < settings.min_side_px:
        return "too_small"
    if max(width, height) > settings.max_aspect * min(width, height):
        return "aspect"
    if settings.blurred == "drop" and sharpness < settings.min_sharpness:
        return "blurred"
    return None


def capped(rows: Sequence[Row], max_images: int) -> list[Row]:
    """At most max_images kept rows per character (0: no limit): near copies go first, then the smallest."""
    places: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        if row.status == "kept":
            places[row.ref.character].append(at)
    over: set[int] = set()
    for kept in places.values():
        best_first = sorted(kept, key=lambda at: (rows[at].near_of is not None, -_pixels(rows[at].ref)))
        over.update(best_first[max_images:] if max_images else ())
    return [row._replace(status="rejected", reason="over_cap") if at in over else row for at, row in enumerate(rows)]


def _path_bytes(ref: ImageRef) -> bytes:
    return os.fsencode(ref.path)


def _pixels(ref: ImageRef) -> int:
    return ref.width * ref.height


def _verdict(ref: ImageRef, settings: Scan, copy: bool) -> tuple[str, str | None]:
    if ref.problem:
        return "unreadable", ref.problem.kind
    if copy:
        return "duplicate", "copy"
    why = unfit(ref.width, ref.height, ref.sharpness, settings)
    return ("rejected", why) if why else ("kept", None)
