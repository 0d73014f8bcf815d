"""Initial images and masks, brought to the size that is drawn, as A1111's resize modes have it."""

import numpy as np

from prep.images import covering, encode_png, open_image, open_with_alpha

STRETCH, CROP, FILL, LATENT = range(4)  # A1111's resize_mode; the last stretches too
HALF = 128
OPAQUE = 255


def image(data: bytes, width: int, height: int, mode: int, max_pixels: int) -> bytes:
    """A picture file -> a PNG, width x height. Raises ImageError."""
    return encode_png(_resized(open_image(data, max_pixels).pixels, width, height, mode))


def mask(data: bytes, width: int, height: int, mode: int, inverted: bool, max_pixels: int) -> bytes:
    """A picture file -> a black and white PNG, white where it is drawn anew. Raises ImageError.

    Of a picture that is transparent somewhere its alpha counts, of others its brightness; half of it is white.
    """
    pixels = open_with_alpha(data, max_pixels)
    grey = pixels[..., 3] if pixels[..., 3].min() < OPAQUE else _brightness(pixels)
    white = np.where((grey >= HALF) != inverted, OPAQUE, 0).astype(np.uint8)
    resized = _resized(np.repeat(white[..., None], 3, 2), width, height, mode)
    return encode_png(np.where(resized >= HALF, OPAQUE, 0).astype(np.uint8))


def _brightness(pixels: np.ndarray) -> np.ndarray:
    return (pixels[..., :3] @ np.array([0.299, 0.587, 0.114])).round()


def _resized(pixels: np.ndarray, width: int, height: int, mode: int) -> np.ndarray:
    """uint8 [H, W, 3] -> uint8 [height, width, 3]."""
    import cv2

    if mode == CROP:
        return covering(pixels, width, height)
    if mode != FILL:
        return _stretched(pixels, width, height)
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    across = min(width, max(1, round(pixels.shape[1] * scale)))
    down = min(height, max(1, round(pixels.shape[0] * scale)))
    inner = _stretched(pixels, across, down)
    left, top = (width - across) // 2, (height - down) // 2
    # As A1111: the bands repeat the edge.
    edges = top, height - down - top, left, width - across - left
    return cv2.copyMakeBorder(inner, *edges, cv2.BORDER_REPLICATE)


def _stretched(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    import cv2

    smaller = width * height < pixels.shape[0] * pixels.shape[1]
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
