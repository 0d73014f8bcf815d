"""Small pictures to look at, as WebP: made once and kept in OUT/.prep/thumbnails/, by the hash of the picture's file.

What is kept can be made again at any time: a damaged one is, and where nothing can be written, nothing is kept.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from prep.errors import ImageError, StoppedError
from prep.files import read_file, real_folder, write_whole
from prep.images import encode_webp, is_webp, open_small

SIDE_PX = 320
MOST_BYTES = 4_000_000  # of a thumbnail that is kept: a larger file is not one
NAMED = re.compile(r"[0-9a-f]{64}")


def thumbnail(
    out: Path, key_sha256: str, read: Callable[[], bytes], side_px: int = SIDE_PX, max_pixels: int = 100_000_000
) -> bytes:
    """A WebP file of the picture, its longer side at most side_px: upright, sRGB, on white; never enlarged.

    key_sha256: of the bytes that `read` gives, 64 hex digits; `read` is called only if no thumbnail of them is kept.
    Raises what `read` does, and ImageError, as prep.images.open_image says. A key of another form is not kept.
    """
    kept = NAMED.fullmatch(key_sha256) and _place(out, key_sha256, side_px)
    if kept and (data := _found(kept)):
        return data
    data = encode_webp(open_small(read(), side_px, max_pixels))
    if kept:
        with suppress(OSError, StoppedError):  # no room, a link in its way, or OUT is only readable
            real_folder(out, *kept.relative_to(out).parts[:-1])
            write_whole(kept, data)
    return data


def _place(out: Path, key: str, side_px: int) -> Path:
    return out / ".prep" / "thumbnails" / key[:2] / f"{key}-{side_px}.webp"


def _found(path: Path) -> bytes | None:
    """The thumbnail that is kept; None if there is none, it is damaged, or it lies behind a link."""
    if any(folder.is_symlink() for folder in list(path.parents)[:3]):
        return None
    try:
        data = read_file(path, MOST_BYTES)
        return data if is_webp(data) else None
    except (OSError, ImageError):
        return None
