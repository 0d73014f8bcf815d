"""How the networks of witnesses take a picture."""

import numpy as np


def resized(image: np.ndarray, side_px: int) -> np.ndarray:
    """uint8 [H, W, 3] -> float32 [S, S, 3], 0-1: squeezed to a square with Pillow's bilinear filter, which averages
    where it makes smaller, as both networks expect it.
    """
    from PIL import Image

    square = Image.fromarray(image).resize((side_px, side_px), Image.Resampling.BILINEAR)
    return np.asarray(square, np.float32) / 255
