"""Where the head of a figure is that was cut out of its picture, without any model: by its skin and by its outline.

The largest patch of skin in the upper half is the face, down to where it narrows to the neck. The outline says where
the head begins above it, and whether it is as wide as a head there. All must fit, else there is no head: the figure is
alone, upright and not cut off above. docs/CROPS.md says how often that is right. Other than pale skin is not found.
"""

import cv2
import numpy as np

from prep.composites.cut import Cut
from prep.types import Box, Detected

VERSION = 1
SOLID = 0.5  # of a mask, 0-1
ALONE = 0.97  # share of the figure's area that its largest part has
UPRIGHT = 1.2  # least height of the figure per width
UPPER = 0.5  # share of the figure's height in which the face is looked for
RED, GREEN, BLUE = 190, 140, 110  # skin has at least so much of each, 0-255
WARM = (6, 95)  # how much redder than blue it is
NECK = 0.5  # of the face's greatest width: where it is narrower below, the chin is
# What a head has, least and most: its height per figure's height, its width per height, the face's part of both.
TALL, WIDE, FACE_WIDE, FACE_TALL = (0.1, 0.55), (0.55, 1.35), (0.3, 0.95), (0.2, 0.85)
ASIDE = 0.3  # of the head's height: how far the figure's top may be beside the middle of the face
BELOW = 0.1  # of the head's height: how far it goes on below the chin


def detected(cut: Cut) -> list[Detected]:
    """The person, and its head where it is plain to see. Pixels of the picture that the figure was cut out of."""
    mask = (cut.mask > SOLID).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count < 2:
        return []
    sizes = stats[1:, cv2.CC_STAT_AREA]
    share = float(sizes.max() / sizes.sum())
    if share < ALONE:
        return []
    figure, solid = cut.figure, labels == 1 + int(sizes.argmax())
    body = Box(figure.left, figure.top, figure.right, figure.bottom)
    found = [Detected("person", body, share)]
    if "top" in figure.edges or body.height < UPRIGHT * body.width:
        return found
    face = _face(cut.rgb, solid, body)
    head = _head(solid, body, face) if face else None
    return [Detected("head", head, share), *found] if head else found


def _face(rgb: np.ndarray, solid: np.ndarray, body: Box) -> Box | None:
    """The largest patch of skin in the upper half, down to the chin."""
    lowest = body.top + round(UPPER * body.height)
    pixels = rgb[body.top : lowest].astype(np.int16)
    red, green, blue = (pixels[..., channel] for channel in range(3))
    warm = red - blue
    skin = solid[body.top : lowest] & (red >= RED) & (green >= GREEN) & (blue >= BLUE) & (red >= green)
    skin &= (green >= blue - 8) & (warm >= WARM[0]) & (warm <= WARM[1])
    count, labels, stats, _ = cv2.connectedComponentsWithStats(skin.astype(np.uint8), connectivity=4)
    if count < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    left, top, width, height = stats[largest, :4].tolist()
    patch = labels[top : top + height, left : left + width] == largest
    columns = [np.flatnonzero(row) for row in patch]
    widths = np.array([each[-1] - each[0] + 1 if len(each) else 0 for each in columns])
    widest = int(widths.argmax())
    below = np.flatnonzero(widths[widest:] < NECK * widths[widest])
    chin = widest + int(below[0]) if len(below) else height
    across = np.flatnonzero(patch[:chin].any(0))
    return Box(left + int(across[0]), body.top + top, left + int(across[-1]) + 1, body.top + top + chin)


def _head(solid: np.ndarray, body: Box, face: Box) -> Box | None:
    """The face with the hair above and beside it; None if that is no head's shape."""
    above = np.flatnonzero(solid[:, face.left : face.right].any(1))
    top = int(above[0])
    tall = face.bottom - top
    middle = (face.left + face.right) / 2
    beside = np.flatnonzero(solid[(face.top + face.bottom) // 2])
    beside = beside[np.abs(beside - middle) < WIDE[1] * tall / 2]
    left, right = int(beside[0]), int(beside[-1]) + 1
    crown = float(np.flatnonzero(solid[np.flatnonzero(solid.any(1))[0]]).mean())
    fits = (
        TALL[0] <= tall / body.height <= TALL[1]
        and WIDE[0] <= (right - left) / tall <= WIDE[1]
        and FACE_WIDE[0] <= face.width / (right - left) <= FACE_WIDE[1]
        and FACE_TALL[0] <= face.height / tall <= FACE_TALL[1]
        and abs(crown - middle) <= ASIDE * tall
    )
    return Box(left, top, right, min(body.bottom, round(face.bottom + BELOW * tall))) if fits else None
