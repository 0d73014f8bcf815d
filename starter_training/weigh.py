"""What an error in each latent counts when the starter generator's transformer learns: a mouth most, then a face and,
on both its sides, an outline that hardly stands out, then the rest of a figure, and what is behind it least.

A face is a tenth of a picture, and what one looks at first; a grey sleeve before grey water is soon lost, since a
blend of both is nearly right everywhere.
"""

import cv2
import numpy as np
import torch
from torch import Tensor

from starter_training.small import LATENT_PX

FIGURE, FACE, MOUTH = 3.0, 8.0, 16.0  # against a latent behind a figure, which counts 1
FAINTEST_OUTLINE = 8.0
STANDS_OUT = 100.0  # of 255: an outline whose sides differ by more counts as the rest of the figure does
A_SIDE = 0.1  # an outline is where figure and background each cover so much of the 3 x 3 latents around one


def weights_of(images: np.ndarray, faces: np.ndarray, figures: np.ndarray) -> Tensor:
    """images: uint8 [N, H, W, 3]; faces: int16 [N, 4], boxes in px; figures: uint8 [N, H / 8, W / 8], 255 where all of
    a latent is covered -> float32 [N, H / 8, W / 8]."""
    found = [_weights(*one) for one in zip(images, faces, figures, strict=True)]
    return torch.from_numpy(np.stack(found))


def _weights(image: np.ndarray, face: np.ndarray, figure: np.ndarray) -> np.ndarray:
    inside = figure.astype(np.float32) / 255
    weights = np.maximum(1 + (FIGURE - 1) * inside, _outline(image, inside))
    left, top, right, bottom = (int(side) for side in face)
    if right > left and bottom > top:
        _fill(weights, (left, top, right, bottom), FACE)  # the mouth: in its lower third, across its middle half
        quarter = (right - left) // 4
        _fill(weights, (left + quarter, (top + 2 * bottom) // 3, right - quarter, bottom), MOUTH)
    return weights


def _outline(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """float32 [H / 8, W / 8]: 0 away from the outline, else the more the less its two sides differ."""
    colours = cv2.resize(image, inside.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    sides = (inside, 1 - inside)
    shares = [cv2.blur(side, (3, 3)) for side in sides]
    means = [
        cv2.blur(colours * side[..., None], (3, 3)) / np.maximum(share, A_SIDE)[..., None]
        for side, share in zip(sides, shares, strict=True)
    ]
    differ = np.maximum(np.abs(means[0] - means[1]).mean(2), 1)
    weights = np.clip(FIGURE * (STANDS_OUT / differ) ** 2, FIGURE, FAINTEST_OUTLINE)
    return np.where(np.minimum(*shares) > A_SIDE, weights, 0).astype(np.float32)


def _fill(weights: np.ndarray, box: tuple[int, int, int, int], weight: float) -> None:
    left, top, right, bottom = np.clip(box, 0, None)  # a face may lie partly outside its picture
    weights[top // LATENT_PX : -(-bottom // LATENT_PX), left // LATENT_PX : -(-right // LATENT_PX)] = weight
