"""Where a figure stands on its new canvas. Decided by sizes and a seed; nothing here has seen a pixel.

A figure is never enlarged. Where its own picture cut it off, the canvas does as well: one that is cut off below stands
on the lower edge. A head that was whole stays whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prep.composites.figure import Figure
from prep.errors import ImageError

LEAST, MOST = 0.5, 2.0  # how much a scene may be reduced and enlarged
STEP_PX = 16  # of a request's width and height
# The share of the canvas' height that a figure takes at its own scale, in turn.
CUT_OFF_SHARES, WHOLE_SHARES = (0.78, 0.9, 0.66), (0.72, 0.84, 0.6)
CUT_OFF_RANGE, WHOLE_RANGE = (0.6, 0.95), (0.55, 0.9)  # where a seed chooses it
WIDEST = 0.94  # share of the canvas' width
SMALLEST = 0.45  # share of the canvas' width or height: a smaller figure would only be decoration
MARGIN = 0.03  # share of the canvas that stays free beside and above a figure


@dataclass(frozen=True)
class Layout:
    """left, top: pixels of the canvas where the figure's box begins; negative if the canvas cuts it off."""

    width: int  # of the canvas, pixels
    height: int
    scale: float  # of the figure, at most 1
    left: int
    top: int
    mirrored: bool


def canvas_of(scene: tuple[int, int], figure: Figure, turn: int = 0) -> tuple[int, int] | None:
    """(width, height) in pixels of a canvas with the scene's aspect, on which the figure keeps its own scale unless it
    is too large. turn: consecutive numbers give different sizes. None: the figure is too small for this scene.
    """
    width, height = scene
    shares = CUT_OFF_SHARES if "bottom" in figure.edges else WHOLE_SHARES
    scale = max(figure.height / shares[turn % len(shares)] / height, figure.width / WIDEST / width)
    across, upright = _spans(figure.edges)
    largest = min([MOST, *([figure.width / width] if across else []), *([figure.height / height] if upright else [])])
    scale = max(LEAST, min(scale, largest))
    size = tuple(max(STEP_PX, int(side * scale) // STEP_PX * STEP_PX) for side in scene)
    try:
        layout_of(figure, size, 0)
    except ImageError:
        return None
    return size


def check_enlarged(scene: tuple[int, int], canvas: tuple[int, int]) -> None:
    """Raises ImageError, kind `too_small`, for a scene that would have to be enlarged more than twice."""
    if any(side > MOST * own for side, own in zip(canvas, scene, strict=True)):
        raise ImageError(
            "too_small",
            f"its {scene[0]}x{scene[1]} px would be enlarged more than twice for {canvas[0]}x{canvas[1]} px",
            "run again",
        )


def layout_of(figure: Figure, canvas: tuple[int, int], seed: int, mirrored: bool = False) -> Layout:
    """mirrored: as a trainer's flip_aug does; not unless asked for, since an outfit may differ from side to side.

    Raises ImageError, kind `too_small`, for a figure that would have to be enlarged.
    """
    width, height = canvas
    across, upright = _spans(figure.edges)
    least = max(width / figure.width if across else 0, height / figure.height if upright else 0)
    rng = np.random.default_rng(seed)
    share, place = rng.random(), rng.beta(2, 2)
    low, high = CUT_OFF_RANGE if "bottom" in figure.edges else WHOLE_RANGE
    scale = 1.0
    if not (upright or figure.height <= high * height) or not (across or figure.width <= WIDEST * width):
        scale = min(1, (low + share * (high - low)) * height / figure.height, WIDEST * width / figure.width)
    scale = max(scale, least)
    wide, tall = round(figure.width * scale), round(figure.height * scale)
    if scale > 1 or max(wide / width, tall / height) < SMALLEST:
        raise ImageError(
            "too_small",
            f"its figure of {figure.width}x{figure.height} px is too small for a picture of {width}x{height} px",
            "use a larger version of it",
        )
    edges = [{"left": "right", "right": "left"}.get(edge, edge) if mirrored else edge for edge in figure.edges]
    left = _left(edges, width - wide, round(MARGIN * width), place)
    return Layout(width, height, scale, left, _top(edges, height, tall, share), mirrored)


def _spans(edges: Sequence[str]) -> tuple[bool, bool]:
    """Whether the picture cuts the figure off at both sides, and above and below."""
    return {"left", "right"} <= set(edges), {"top", "bottom"} <= set(edges)


def _left(edges: Sequence[str], room: int, margin: int, place: float) -> int:
    """room: pixels that the canvas is wider than the figure; negative if it is narrower."""
    if "left" in edges and "right" in edges:
        return round(place * room)
    if "left" in edges:
        return 0
    if "right" in edges:
        return room
    return round(margin + place * (room - 2 * margin)) if room > 2 * margin else room // 2


def _top(edges: Sequence[str], height: int, tall: int, share: float) -> int:
    if "top" in edges:
        return 0
    head = round(MARGIN * height)
    if "bottom" in edges:
        return max(height - tall, head)  # lower, if a wide figure had to keep its scale: the head stays whole
    return max(min(round((0.97 - 0.04 * share) * height) - tall, height - head - tall), 0)
