"""Thumbnails of pictures that are compared: each is decoded once, and memory holds a sixteenth of it.

They are in a temporary file, since hundreds of sprites with other faces may each be compared with all others.
"""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO, NamedTuple

import numpy as np

from prep.errors import ImageError
from prep.files import cannot_write
from prep.scan._cells import cells_of
from prep.types import ImageRef

COMPARE_PX = 512  # longer side at which pixels are compared
MOST = 2048  # thumbnails: 1.6 GB in the file at most, and 100 MB in memory; then the one not asked for longest goes
SLOT_BYTES = COMPARE_PX * COMPARE_PX * 3


class Seen(NamedTuple):
    """What memory holds of a picture."""

    slot: int  # of its thumbnail, in the file
    shape: tuple[int, ...] = ()  # of its thumbnail; empty: it could not be read
    cells: np.ndarray | None = None  # as cells_of gives them


class Thumbnails:
    def __init__(self, decode: Callable[[ImageRef], np.ndarray], folder: Path | None) -> None:
        """decode: a picture's thumbnail, uint8 [H, W, 3], each side at most 512 px; may raise ImageError or OSError.
        folder: for the temporary file, which has no name there; None: the system's.
        """
        self._decode, self._folder = decode, folder
        self._seen: OrderedDict[str, Seen] = OrderedDict()
        self._file: IO[bytes] | None = None

    def seen(self, ref: ImageRef) -> Seen:
        """Decodes it where that is not yet done. Raises StoppedError if there is no room for it."""
        if ref.sha256 in self._seen:
            self._seen.move_to_end(ref.sha256)
            return self._seen[ref.sha256]
        found = Seen(len(self._seen) if len(self._seen) < MOST else self._seen.popitem(last=False)[1].slot)
        try:
            pixels = self._decode(ref)
        except (ImageError, OSError):
            pixels = None  # gone since the scan; the tag stage reports it
        if pixels is not None:
            found = found._replace(shape=pixels.shape, cells=cells_of(pixels))
            self._write(found.slot, pixels)
        self._seen[ref.sha256] = found
        return found

    def pixels(self, seen: Seen) -> np.ndarray:
        """uint8 [H, W, 3]. seen: of the last MOST pictures."""
        size = int(np.prod(seen.shape))
        return np.frombuffer(self._at(seen.slot).read(size), np.uint8).reshape(seen.shape)

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _write(self, slot: int, pixels: np.ndarray) -> None:
        try:
            file = self._at(slot)
            file.write(np.ascontiguousarray(pixels))
            file.flush()
        except OSError as error:
            raise cannot_write((self._folder or Path(gettempdir())) / "thumbnails", error) from error

    def _at(self, slot: int) -> IO[bytes]:
        if not self._file:
            self._file = TemporaryFile(dir=self._folder)  # noqa: SIM115 - open until close()
        self._file.seek(slot * SLOT_BYTES)
        return self._file
