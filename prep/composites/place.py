"""Sets a figure before a scene: edge colours cleaned, a soft edge, the scene's brightness drawn toward the figure's.

Inside its edge the figure keeps its pixels; the scene gives way.
"""

import cv2
import numpy as np

from prep.composites.cut import Cut
from prep.composites.layout import Layout
from prep.images import covering

OPAQUE = 0.98  # of a mask, 0-1
FEATHER_PX = 0.7  # sigma: a soft edge of 1 to 2 px
REACH_PX = 3  # as far from an opaque pixel as the colours of transparent ones are replaced
TOWARD = 0.3  # how far the scene's mean lightness goes toward the figure's
MOST_LIGHTER = 15.0  # L of Lab, 0-100
CONTRAST = (0.85, 1.15)  # least and most factor on the scene's contrast
SHADOW = 0.35  # how much darker it is under the feet of a whole figure
NINE = np.ones((3, 3), np.uint8)


def composed(cut: Cut, scene: np.ndarray, layout: Layout) -> np.ndarray:
    """scene: uint8 [h, w, 3] -> uint8 [layout.height, layout.width, 3].

    At scale 1, each pixel inside the eroded mask equals the parent's.
    """
    colours, mask = _sized(cut, layout)
    figure, shown = _cropped(colours, mask, layout)
    ground = _toward(covering(scene, layout.width, layout.height), figure, shown)
    if "bottom" not in cut.figure.edges:
        ground *= 1 - _shadow(shown)[..., None]
    solid = eroded(shown)
    soft = np.minimum(shown, cv2.GaussianBlur(shown, (0, 0), FEATHER_PX))
    soft[solid] = 1
    mixed = ground + soft[..., None] * (figure - ground)
    result = np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)
    result[solid] = figure[solid].astype(np.uint8)
    return result


def eroded(mask: np.ndarray) -> np.ndarray:
    """float32 [H, W], 0-1 -> bool [H, W]: opaque pixels whose neighbours are opaque."""
    return cv2.erode((mask >= OPAQUE).astype(np.uint8), NINE) > 0


def cleaned(rgb: np.ndarray, mask: np.ndarray, trusted: float) -> np.ndarray:
    """uint8 [H, W, 3] -> the same, but near the edge a pixel with a mask below `trusted` has the colour of the nearest
    one above: its own may be mixed with the background that it had.
    """
    opaque = mask >= trusted
    if not opaque.any():
        return rgb
    distance, nearest = cv2.distanceTransformWithLabels(
        (~opaque).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((nearest.max() + 1, 3), np.uint8)
    colours[nearest[opaque]] = rgb[opaque]
    replaced = ~opaque & (distance <= REACH_PX)
    result = rgb.copy()
    result[replaced] = colours[nearest[replaced]]
    return result


def _sized(cut: Cut, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """The figure's box at the layout's scale: uint8 [h, w, 3], and its mask, float32 [h, w]."""
    mask = np.ascontiguousarray(cut.mask[cut.figure.box])
    rgb = cleaned(np.ascontiguousarray(cut.rgb[cut.figure.box]), mask, 0.5 if cut.straight else OPAQUE)
    if layout.scale < 1:
        size = (max(1, round(mask.shape[1] * layout.scale)), max(1, round(mask.shape[0] * layout.scale)))
        mixed = cv2.resize(rgb * mask[..., None], size, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
        rgb = np.rint(np.clip(mixed / np.maximum(mask, 1e-3)[..., None], 0, 255)).astype(np.uint8)
    return (rgb[:, ::-1], mask[:, ::-1]) if layout.mirrored else (rgb, mask)


def _cropped(rgb: np.ndarray, mask: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Both on a canvas: float32 [H, W, 3], 0-255, and float32 [H, W]."""
    figure = np.zeros((layout.height, layout.width, 3), np.float32)
    shown = np.zeros((layout.height, layout.width), np.float32)
    top, left = max(layout.top, 0), max(layout.left, 0)
    bottom, right = min(layout.top + mask.shape[0], layout.height), min(layout.left + mask.shape[1], layout.width)
    rows, columns = slice(top - layout.top, bottom - layout.top), slice(left - layout.left, right - layout.left)
    figure[top:bottom, left:right] = rgb[rows, columns]
    shown[top:bottom, left:right] = mask[rows, columns]
    return figure, shown


def _toward(scene: np.ndarray, figure: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] -> float32, 0-255: its lightness part of the way to the figure's mean and contrast. Hues stay."""
    solid = mask > 0.5
    if not solid.any():
        return scene.astype(np.float32)
    lab = cv2.cvtColor(scene.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    own = cv2.cvtColor(figure[solid][None] / 255, cv2.COLOR_RGB2LAB)[0, :, 0]
    light = lab[..., 0]
    mean, spread = float(light.mean()), max(float(light.std()), 1)
    shift = np.clip(TOWARD * (own.mean() - mean), -MOST_LIGHTER, MOST_LIGHTER)
    factor = np.clip((float(own.std()) / spread) ** TOWARD, *CONTRAST)
    lab[..., 0] = np.clip(mean + shift + factor * (light - mean), 0, 100)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1) * np.float32(255)


def _shadow(mask: np.ndarray) -> np.ndarray:
    """float32 [H, W], 0-1: how much darker the ground is below the feet."""
    shadow = np.zeros_like(mask)
    rows = np.flatnonzero((mask > 0.5).any(1))
    if len(rows) == 0:
        return shadow
    top, bottom = rows[0], rows[-1]
    columns = np.flatnonzero((mask[bottom - (bottom - top) // 16 : bottom + 1] > 0.5).any(0))
    wide, tall = max(2, round(0.6 * (columns[-1] - columns[0]))), max(2, (bottom - top) // 45)
    centre = (int(columns[0] + columns[-1]) // 2, int(bottom))
    cv2.ellipse(shadow, centre, (wide, tall), 0, 0, 360, SHADOW, -1)
    return cv2.GaussianBlur(shadow, (0, 0), max(1, tall / 2))
