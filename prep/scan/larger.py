"""Which of two near copies is larger, in words. Nothing here has seen an image."""

from typing import Protocol


class Sized(Protocol):
    """A picture's measures: an ImageRef, or a row of the manifest."""

    width: int  # pixels
    height: int
    format: str  # png, jpg, webp, ...
    bytes: int


def compared(original: Sized, copy: Sized) -> str:
    """What a near copy's original is, after `which is`: larger, or of the same size and how it differs."""
    if original.width * original.height > copy.width * copy.height:
        return "larger"
    return f"of the same size ({_coded(original)}, against {_coded(copy)})"


def _coded(picture: Sized) -> str:
    return f"{picture.format or 'unknown'}, {max(1, round(picture.bytes / 1000)):,} kB"
