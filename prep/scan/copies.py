"""Near copies: perceptual hashes propose, pixels decide.

Equal hashes alone say little: a sprite with another face has the same hash. Re-encodings and resizes differ a little
everywhere; another expression differs a lot somewhere. So the worst small block decides.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, compress, groupby

import numpy as np
import pyarrow as pa

from prep.blocks import Packed
from prep.images import open_image
from prep.ledger import DryLedger, Ledger, Shelf
from prep.scan._cells import BLOCK_PX, least_difference
from prep.scan._hashes import HASH_BITS, close, have_close
from prep.scan._thumbnails import COMPARE_PX, Thumbnails
from prep.types import ImageRef, Row

__all__ = ["COPY_BELOW", "HASH_BITS", "NEAR", "VERSION", "difference", "marked", "thumbnail_of"]

VERSION = 1
# Mean absolute difference of the worst block, 0-255. On the art in examples/, by tests/scan/test_copies.py:
# re-encodings (JPEG 30 to 95, WebP 60, half size) stay under 22; another expression is over 34.
COPY_BELOW = 28.0

# difference: of two copies, as `difference` gives it; of others it may be less, but not below COPY_BELOW.
NEAR = Shelf("near", (pa.field("difference", pa.float32()),), made_again=True)


def marked(
    rows: Sequence[Row], read: Callable[[ImageRef], bytes], ledger: Ledger, drop: bool, max_pixels: int
) -> Sequence[Row]:
    """Rows with re-encodings of one picture flagged `near_copy`, near_of the largest; dropped if the settings say so.

    rows: those of a character beside each other. read: returns a file's bytes. Comparisons are kept in the ledger.
    """
    known = dict(ledger.values(NEAR, "subject", "difference"))
    marks: dict[tuple[str, str], str] = {}
    # Beside the ledger: the system's folder for temporary files may be in memory. A dry run writes nothing there.
    folder = None if isinstance(ledger, DryLedger) else ledger.folder.parent
    thumbnails = Thumbnails(lambda ref: thumbnail_of(read(ref), max_pixels), folder)
    with ledger.writer(NEAR) as writer, closing(thumbnails):
        for character, group in groupby(_with_close_hashes(rows), key=lambda ref: ref.character):
            largest_first = sorted(group, key=lambda ref: (-ref.width * ref.height, ref.sha256))
            for copy, original in _copies(largest_first, thumbnails, known, writer.append):
                marks[character, copy.sha256] = original.sha256
    if not marks:
        return rows
    return Packed(_with_mark(row, marks.get((row.ref.character, row.ref.sha256)), drop) for row in rows)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of the worst 8 px block, 0-255, at the smaller one's size. uint8 [H, W, 3] each."""
    import cv2  # imported here: most runs compare nothing

    small, large = sorted((one, other), key=lambda pixels: pixels.shape[0] * pixels.shape[1])
    height, width = small.shape[:2]
    if abs(large.shape[1] / large.shape[0] - width / height) > 0.02 * width / height:
        return 255.0
    if large.shape != small.shape:
        large = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
    channels = cv2.absdiff(small, large).astype(np.float32)
    apart = cv2.transform(channels, np.ones((1, 3), np.float32)) / np.float32(3)  # their mean, [H, W]
    return float(cv2.blur(apart, (BLOCK_PX, BLOCK_PX)).max())


def _copies(
    refs: list[ImageRef], thumbnails: Thumbnails, known: dict[str, float], remember: Callable[[dict], None]
) -> Iterator[tuple[ImageRef, ImageRef]]:
    """Yield (copy, original). Each image is compared with the originals before it that have a close hash."""
    hashes = np.array([int(ref.phash, 16) for ref in refs], np.uint64)
    originals, count = np.empty(len(refs), np.int64), 0
    original_hashes = np.empty(len(refs), np.uint64)
    for at, ref in enumerate(refs):
        for place in close(original_hashes[:count], hashes[at]).nonzero()[0]:
            original = refs[originals[place]]
            subject = f"{original.sha256}:{ref.sha256}"
            if subject not in known:
                known[subject] = _compared(thumbnails, ref, original)
                remember({"subject": subject, "recipe": str(VERSION), "difference": known[subject]})
            if known[subject] < COPY_BELOW:
                yield ref, original
                break
        else:
            originals[count], original_hashes[count] = at, hashes[at]
            count += 1


def _with_close_hashes(rows: Iterable[Row]) -> Iterator[ImageRef]:
    """Those kept for which another one of their character has a close hash: of most pictures none has."""
    refs = (row.ref for row in rows if row.status == "kept")
    hashes = [
        have_close(np.fromiter((int(ref.phash, 16) for ref in group), np.uint64))
        for _, group in groupby(refs, key=lambda ref: ref.character)
    ]
    if any(map(np.any, hashes)):
        refs = (row.ref for row in rows if row.status == "kept")
        yield from compress(refs, chain.from_iterable(hashes))


def _compared(thumbnails: Thumbnails, one: ImageRef, other: ImageRef) -> float:
    """Their difference; of pictures that are no copies, where their cells say so, the least that it can be."""
    first, second = thumbnails.seen(one), thumbnails.seen(other)
    if not first.shape or not second.shape:
        return 255.0
    if first.shape == second.shape and first.cells is not None:
        least = least_difference(first.cells, second.cells)
        if least >= COPY_BELOW:
            return least
    return difference(thumbnails.pixels(first), thumbnails.pixels(second))


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
