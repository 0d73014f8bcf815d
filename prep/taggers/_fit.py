"""Fit an image into a tagger's square: keep the aspect ratio, area-resize, centre, repeat the edge pixels outwards."""

import cv2
import numpy as np

from prep.images import fitted


def fit_square(image: np.ndarray, side_px: int) -> np.ndarray:
    """image: uint8 [H, W, 3] -> float32 [side_px, side_px, 3], 0-1, channels in the order given.

    Like DeepDanbooru's own evaluation, which centres to half a pixel; the resize rounds to 8 bits. The largest
    difference to it is 0.51/255 when shrinking and 0.8/255 when enlarging, by tests/taggers/test_fit.py.
    """
    small = fitted(image, side_px).astype(np.float32)
    small /= 255
    # Zero padding would be tagged `letterboxed`, and an odd margin means half a pixel on both sides.
    left, top = (side_px - small.shape[1]) / 2, (side_px - small.shape[0]) / 2
    move = np.array([[1, 0, left], [0, 1, top]], np.float32)
    return cv2.warpAffine(small, move, (side_px, side_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
