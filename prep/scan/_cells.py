"""A proof that two pictures differ somewhere, from pictures of a sixteenth of their size. Nothing here decodes.

The difference of two means is at most the mean of the differences. So where the cells of two pictures differ, so do
their pixels: `least_difference` never exceeds `prep.scan.copies.difference`, by tests/scan/test_cells.py.
"""

import numpy as np

CELL_PX = 4
BLOCK_PX = 8  # of which a cell is half a side
ROUNDED = 1.01  # the means of two cells, by up to a half each; the rest is for the arithmetic


def cells_of(pixels: np.ndarray) -> np.ndarray | None:
    """uint8 [H, W, 3] -> uint8 [3, H // 4, W // 4], the mean of each cell, rounded; None below the size of a block."""
    import cv2

    height, width = (side // CELL_PX for side in pixels.shape[:2])
    if min(pixels.shape[:2]) < BLOCK_PX:
        return None
    whole = pixels[: height * CELL_PX, : width * CELL_PX].astype(np.float32)
    means = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.rint(means).astype(np.uint8).transpose(2, 0, 1))


def least_difference(one: np.ndarray, other: np.ndarray) -> float:
    """What the worst block of two pictures differs by at least, 0-255. Cells of pictures of one size."""
    import cv2

    apart = cv2.absdiff(one, other)
    summed = apart[0].astype(np.uint16) + apart[1] + apart[2]  # [h, w], over channels
    tall = summed[1:] + summed[:-1]
    worst = int((tall[:, 1:] + tall[:, :-1]).max())  # of blocks of 2 x 2 cells
    return worst / (3 * 4) - ROUNDED
