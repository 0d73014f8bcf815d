"""Cuts a figure out of its picture: by its alpha, by a background of one colour, or by a matting model.

Each way is tried in this order, and what speaks against each is said. Nothing here knows where the figure will stand.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from prep.composites.figure import SOLID, Figure, area, figure_of, without_dust
from prep.composites.matting import Matting
from prep.composites.plain import plain_cut
from prep.errors import WeightsError
from prep.images import open_with_alpha

VERSION = 2  # what is cut out of the same picture; 1: a wall along the lower sides
LEAST, MOST = 0.05, 0.9  # share of its picture that a figure covers
OPAQUE, LEAST_OPAQUE = 0.9, 0.5  # of at least half of a figure, this much covers what is behind it
UNSURE = 0.15  # share of the picture for which a matting model may say neither figure nor ground
LEAST_SIDE_PX = 32
MOST_SIDE_PX = 4096  # larger pictures are reduced to it: nothing is drawn that large


@dataclass(frozen=True, eq=False)
class Cut:
    """A figure without its ground."""

    rgb: np.ndarray  # uint8 [H, W, 3]
    mask: np.ndarray  # float32 [H, W], 0-1
    how: str  # alpha, plain, or the digest of a matting model
    figure: Figure = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "figure", figure_of(self.mask))

    @property
    def straight(self) -> bool:
        """Whether the colours of half transparent pixels are the figure's own. A matting model leaves them mixed."""
        return self.how in ("alpha", "plain")

    @property
    def area(self) -> float:
        """The share of the picture that the figure covers, 0-1."""
        return area(self.mask)


@dataclass(frozen=True)
class NoCut:
    """why: a clause, such as `it has no alpha, its background is not of one colour, and no matting model is here`."""

    why: str


def cut_out(
    data: bytes,
    max_pixels: int = 100_000_000,
    matting: Matting | None = None,
    digest: str = "",
    without: str = "no matting model is here",
) -> Cut | NoCut:
    """data: a picture file's bytes. digest: the matting model's. without: why there is none, as a clause.

    Raises ImageError when the picture cannot be decoded.
    """
    pixels = _reduced(open_with_alpha(data, max_pixels))
    height, width = pixels.shape[:2]
    if min(height, width) < LEAST_SIDE_PX:
        return NoCut(f"it has only {width}x{height} px")
    rgb, alpha = np.ascontiguousarray(pixels[..., :3]), pixels[..., 3]
    against = []
    if alpha.min() == 255:
        against.append("it has no alpha")
    else:
        mask = without_dust(alpha.astype(np.float32) / 255)
        if not (wrong := _wrong(mask)):
            return Cut(rgb, mask, "alpha")
        against.append(f"its alpha {wrong}")
        rgb = _on_white(rgb, alpha)
    found = plain_cut(rgb)
    if isinstance(found, str):
        against.append(f"its background {found}")
    else:
        mask = without_dust(found[1])
        if not (wrong := _wrong(mask)):
            return Cut(found[0], mask, "plain")
        against.append(f"its background of one colour {wrong}")
    if matting is None:
        return NoCut(_listed([*against, without]))
    try:
        mask = without_dust(matting.mask(rgb))
    except WeightsError as error:
        return NoCut(_listed([*against, error.message]))
    wrong = _wrong(mask) or _unsure(mask)
    return NoCut(_listed([*against, f"{matting.name} {wrong}"])) if wrong else Cut(rgb, sharpened(mask), digest)


def sharpened(mask: np.ndarray) -> np.ndarray:
    """float32 [H, W], 0-1: a matting model's edge is wider than a drawn one, and would make outlines transparent."""
    return np.clip((mask - 0.4) / 0.4, 0, 1)


def _wrong(mask: np.ndarray) -> str:
    """Why this cannot be a figure's mask; empty if it can."""
    share = area(mask)
    if share < LEAST:
        return f"leaves {share:.0%} of it"
    if share > MOST:
        return f"leaves {share:.0%} of it, which is no figure"
    opaque = np.count_nonzero(mask > OPAQUE) / np.count_nonzero(mask > SOLID)
    return "lets the place behind show through the figure" if opaque < LEAST_OPAQUE else ""


def _unsure(mask: np.ndarray) -> str:
    share = np.mean((mask > 0.1) & (mask < 0.9))
    return f"cannot tell figure and background apart in {share:.0%} of it" if share > UNSURE else ""


def _on_white(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None].astype(np.float32) / 255
    return np.rint(rgb * share + 255 * (1 - share)).astype(np.uint8)


def _reduced(pixels: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 4], its longer side at most MOST_SIDE_PX."""
    scale = MOST_SIDE_PX / max(pixels.shape)
    if scale >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _listed(clauses: list[str]) -> str:
    return clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])}, and {clauses[-1]}"
