"""Near copies: perceptual hashes propose, pixels decide.

Equal hashes alone say little: a sprite with another face has the same hash. Re-encodings and resizes differ a little
everywhere; another expression differs a lot somewhere. So the worst small block decides.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import groupby

import numpy as np
import pyarrow as pa

from prep.errors import ImageError
from prep.images import open_image
from prep.ledger import Ledger, Shelf
from prep.types import ImageRef, Row

VERSION = 1
HASH_BITS = 8  # of 64: JPEG at quality 30 and halving move at most 4 on the art in examples/
COMPARE_PX = 512  # longer side at which pixels are compared
BLOCK_PX = 8
BLOCK = 16  # hashes at a time
# Mean absolute difference of the worst block, 0-255. On the art in examples/, by tests/scan/test_copies.py:
# re-encodings (JPEG 30 to 95, WebP 60, half size) stay under 22; another expression is over 34.
COPY_BELOW = 28.0

NEAR = Shelf("near", (pa.field("difference", pa.float32()),), made_again=True)


def marked(
    rows: list[Row], read: Callable[[ImageRef], bytes], ledger: Ledger, drop: bool, max_pixels: int
) -> list[Row]:
    """Rows with re-encodings of one picture flagged `near_copy`, near_of the largest; dropped if the settings say so.

    read: returns a file's bytes. Comparisons are kept in the ledger.
    """
    known = dict(ledger.values(NEAR, "subject", "difference"))
    marks: dict[tuple[str, str], str] = {}
    with ledger.writer(NEAR) as writer:
        thumbnail = lru_cache(64)(lambda ref: thumbnail_of(read(ref), max_pixels))
        kept = (row for row in rows if row.status == "kept")
        for character, group in groupby(kept, key=lambda row: row.ref.character):
            largest_first = sorted(group, key=lambda row: (-row.ref.width * row.ref.height, row.ref.sha256))
            for copy, original in _copies([row.ref for row in largest_first], thumbnail, known, writer.append):
                marks[character, copy.sha256] = original.sha256
    return [_with_mark(row, marks.get((row.ref.character, row.ref.sha256)), drop) for row in rows]


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of the worst 8 px block, 0-255, at the smaller one's size. uint8 [H, W, 3] each."""
    import cv2  # imported here: most runs compare nothing

    small, large = sorted((one, other), key=lambda pixels: pixels.shape[0] * pixels.shape[1])
    height, width = small.shape[:2]
    if abs(large.shape[1] / large.shape[0] - width / height) > 0.02 * width / height:
        return 255.0
    if large.shape != small.shape:
        large = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
    apart = cv2.absdiff(small, large).astype(np.float32).mean(2)
    return float(cv2.blur(apart, (BLOCK_PX, BLOCK_PX)).max())


def _copies(refs: list[ImageRef], thumbnail, known: dict[str, float], remember) -> Iterator[tuple[ImageRef, ImageRef]]:
    """Yield (copy, original). Each image is compared with the originals before it that have a close hash."""
    hashes = np.array([int(ref.phash, 16) for ref in refs], np.uint64)
    originals, count = np.empty(len(refs), np.int64), 0
    original_hashes = np.empty(len(refs), np.uint64)
    may_be_copies = _have_close(hashes).tolist()
    for at, ref in enumerate(refs):
        places = _close(original_hashes[:count], hashes[at]).nonzero()[0] if may_be_copies[at] else ()
        for place in places:
            original = refs[originals[place]]
            subject = f"{original.sha256}:{ref.sha256}"
            if subject not in known:
                known[subject] = _compared(thumbnail, ref, original)
                remember({"subject": subject, "recipe": str(VERSION), "difference": known[subject]})
            if known[subject] < COPY_BELOW:
                yield ref, original
                break
        else:
            originals[count], original_hashes[count] = at, hashes[at]
            count += 1


def _close(hashes: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Whether they differ in few bits."""
    return np.bitwise_count(hashes ^ to) <= HASH_BITS


def _have_close(hashes: np.ndarray) -> np.ndarray:
    """uint64 [N] -> bool [N]: whether a hash before it may be close: of most pictures none is."""
    found = np.empty(len(hashes), bool)
    for at in reversed(range(0, len(hashes), BLOCK)):  # the longest first: the others then take the same memory
        close = _close(hashes[: at + BLOCK], hashes[at : at + BLOCK, None])  # [at most BLOCK, at + BLOCK]
        found[at : at + BLOCK] = np.count_nonzero(close, axis=1) > 1  # one is itself
    return found


def _compared(thumbnail, one: ImageRef, other: ImageRef) -> float:
    try:
        return difference(thumbnail(one), thumbnail(other))
    except (ImageError, OSError):
        return 255.0  # gone since the scan; the tag stage reports it


def thumbnail_of(data: bytes, max_pixels: int) -> np.ndarray:
    """uint8 [H, W, 3], the longer side at most 512 px. Raises ImageError."""
    import cv2

    pixels = open_image(data, max_pixels).pixels
    scale = COMPARE_PX / max(pixels.shape)
    if scale >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _with_mark(row: Row, original: str | None, drop: bool) -> Row:
    if original is None or row.status != "kept":
        return row
    row = row._replace(near_of=original, flags=tuple(sorted({*row.flags, "near_copy"})))
    return row._replace(status="rejected", reason="near_copy") if drop else row
