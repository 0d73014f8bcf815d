"""Where a figure is in its picture: its box, and the edges of the picture that cut it off. Knows no scene."""

from dataclasses import dataclass

import cv2
import numpy as np

VISIBLE = 0.1  # of a mask, 0-1: what belongs to the box
SOLID = 0.5  # what counts as the figure's area
EDGE_PX = 2  # a figure that comes this near to an edge continues beyond it
CUT_OFF = 0.1  # the share of the figure's width or height, 0-1, that lies along an edge which cuts it off
FLAT = (
    0.4  # share of its width: a figure that ends below in so long a straight line was cut off there; feet are narrower
)
DUST = 0.01  # of the largest part's area: smaller parts are left out


@dataclass(frozen=True)
class Figure:
    """Pixels of the picture that it was cut out of: left and top are inside, right and bottom are not."""

    left: int
    top: int
    right: int
    bottom: int
    edges: tuple[str, ...] = ()  # where it is cut off, of: left, top, right, bottom

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def area(mask: np.ndarray) -> float:
    """mask: float32 [H, W], 0-1 -> the share of the picture that the figure covers, 0-1."""
    return float(np.count_nonzero(mask > SOLID) / mask.size)


def without_dust(mask: np.ndarray) -> np.ndarray:
    """The mask without parts that are tiny beside the largest one."""
    visible = (mask > 0).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(visible, connectivity=8)
    if count < 3:  # the ground and one part
        return mask
    sizes = stats[:, cv2.CC_STAT_AREA].copy()
    sizes[0] = 0
    return np.where((sizes >= DUST * sizes.max())[labels], mask, np.float32(0))


def figure_of(mask: np.ndarray) -> Figure:
    """mask: float32 [H, W], 0-1, not empty."""
    rows, columns = (np.flatnonzero((mask > VISIBLE).any(axis)) for axis in (1, 0))
    left, top, right, bottom = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    solid = mask > SOLID
    along = {
        "left": (solid[:, :EDGE_PX].any(1), bottom - top),
        "top": (solid[:EDGE_PX].any(0), right - left),
        "right": (solid[:, -EDGE_PX:].any(1), bottom - top),
        "bottom": (solid[-EDGE_PX:].any(0), right - left),
    }
    edges = [edge for edge, (touched, length) in along.items() if np.count_nonzero(touched) > CUT_OFF * length]
    lowest = np.flatnonzero(solid.any(1))
    if "bottom" not in edges and len(lowest) and np.count_nonzero(solid[lowest[-1]]) > FLAT * (right - left):
        edges.append("bottom")
    return Figure(left, top, right, bottom, tuple(edges))
