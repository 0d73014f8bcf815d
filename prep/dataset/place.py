"""Bring one image into an export: copied unchanged if a trainer would read it correctly, else converted to PNG."""

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prep.dataset.strip import stripped
from prep.errors import ImageError, StoppedError
from prep.files import PICTURE_BYTES, open_file, read_file, write_whole
from prep.images import encode_png, open_image
from prep.png_chunks import SKIPPED
from prep.system import clone, link_text
from prep.types import ImageRef

PLAIN = {"png", "jpg", "webp"}  # sd-scripts would read bmp, other trainers would not
# What a trainer ignores, renders differently or stops at.
BAKED = {"rotated", "alpha", "mode", "profile", "animated"} | SKIPPED
NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture as it will be in kohya/."""

    source: Path
    data: bytes
    as_given: bool  # data equals the source: it may be linked
    digest: str  # sha256, hex
    suffix: str

    def name(self, begin: str) -> str:
        return f"{begin}-{self.digest[:12]}.{self.suffix}"

    def write(self, path: Path, link: Literal["copy", "symlink", "hardlink"]) -> None:
        if self.as_given:
            write_whole(path, lambda target: _bring(self.source, self.data, target, link))
        else:
            write_whole(path, self.data)


def needs_baking(ref: ImageRef) -> bool:
    return ref.format not in PLAIN or bool(BAKED.intersection(ref.flags))


def prepared(ref: ImageRef, source: Path, strip: bool, max_pixels: int) -> Prepared:
    """The picture as a trainer reads it correctly; with strip, also without metadata.

    Raises ImageError when the source is gone or has changed since the scan.
    """
    try:
        data = read_file(source, PICTURE_BYTES, follow=True)
    except OSError as error:
        raise ImageError("gone", f"can no longer be read ({error.strerror})", "run again") from None
    if hashlib.sha256(data).hexdigest() != ref.sha256:
        raise ImageError("changed", "changed while prep was running", "run again")
    if needs_baking(ref):
        return _made(source, encode_png(open_image(data, max_pixels).pixels), "png")
    if strip:
        clean, suffix = stripped(data)
        if clean != data:
            return _made(source, clean, suffix)
    return Prepared(source, data, True, ref.sha256, ref.format)


def _made(source: Path, data: bytes, suffix: str) -> Prepared:
    return Prepared(source, data, False, hashlib.sha256(data).hexdigest(), suffix)


def _bring(source: Path, data: bytes, target: Path, link: str) -> None:
    """Link, clone or write. data: the bytes read from the source, which may change or vanish at any moment."""
    if link != "copy":
        _linked(source, target, link)
    elif not (_cloned(source, target) and target.stat().st_size == len(data) and target.read_bytes() == data):
        target.write_bytes(data)


def _linked(source: Path, target: Path, link: str) -> None:
    """Raises StoppedError if the file system cannot make such a link: a copy might not fit instead."""
    try:
        if link == "symlink":
            target.symlink_to(link_text(source, target.parent))
        else:
            os.link(source, target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        why = "it is on another disk" if error.errno == errno.EXDEV else error.strerror
        raise StoppedError(
            f"a {link} to {source} cannot be made in {target.parent} ({why})",
            hint=f"set export.link to another value, such as {'symlink or ' if link == 'hardlink' else ''}copy",
        ) from None


def _cloned(source: Path, target: Path) -> bool:
    try:
        with os.fdopen(open_file(source, os.O_RDONLY, follow=True), "rb") as old, target.open("wb") as new:
            return clone(old.fileno(), new.fileno())
    except OSError:
        return False
