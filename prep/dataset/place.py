"""Bringing one image into an export: copied as it is wherever a trainer would see it right, else baked as PNG."""

import hashlib
import os
from pathlib import Path
from typing import Literal

from prep.errors import ImageError
from prep.files import write_whole
from prep.images import encode_png, open_image
from prep.types import ImageRef

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

PLAIN = {"png", "jpg", "webp"}  # bmp would do in sd-scripts, but nowhere else
BAKED = {"rotated", "alpha", "mode", "profile", "animated"}  # what a trainer ignores or shows otherwise
FICLONE = 0x40049409  # Linux: share the blocks of a file (btrfs, xfs)


def needs_baking(ref: ImageRef) -> bool:
    return ref.format not in PLAIN or bool(BAKED.intersection(ref.flags))


def copy_in(ref: ImageRef, source: Path, folder: Path, slug: str, link: Literal["copy", "symlink", "hardlink"],
          max_pixels: int) -> tuple[str, str, int]:  # fmt: skip
    """Write the image into the folder -> (file name, sha256 of the file, bytes).

    Raises ImageError when the source is gone or no longer what the scan saw.
    """
    try:
        data = source.read_bytes()
    except OSError as error:
        raise ImageError("gone", f"can no longer be read ({error.strerror})", "run again") from None
    if hashlib.sha256(data).hexdigest() != ref.sha256:
        raise ImageError("changed", "changed while prep was at work", "run again")
    if needs_baking(ref):
        data = encode_png(open_image(data, max_pixels).pixels)
        digest = hashlib.sha256(data).hexdigest()
        name = f"{slug}-{digest[:12]}.png"
        write_whole(folder / name, data)
        return name, digest, len(data)
    name = f"{slug}-{ref.sha256[:12]}.{ref.format}"
    write_whole(folder / name, lambda path: _bring(source, data, path, link))
    return name, ref.sha256, len(data)


def _bring(source: Path, data: bytes, target: Path, link: str) -> None:
    """Link, clone or write. data: what was read of the source; it may change or go at any moment."""
    if link == "symlink":
        target.symlink_to(os.path.relpath(source.resolve(), target.parent.resolve()))
    elif link == "hardlink":
        os.link(source, target)
    elif not (_cloned(source, target) and target.read_bytes() == data):
        target.write_bytes(data)


def _cloned(source: Path, target: Path) -> bool:
    if fcntl is None:
        return False
    try:
        with source.open("rb") as old, target.open("wb") as new:
            fcntl.ioctl(new.fileno(), FICLONE, old.fileno())
    except OSError:
        return False
    return True
