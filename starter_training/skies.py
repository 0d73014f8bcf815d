"""Other weather for the same scene: clouds painted over a clear sky, or a clouded one cleared.

With one clouded meadow and one clear river, `cloud` would be learnt as `meadow`.
"""

from dataclasses import replace

import cv2
import numpy as np

from starter_training.art import Scene


def changed(rng: np.random.Generator, scene: Scene) -> Scene:
    """A scene whose sky can be told from the rest by its colour gets the other weather; the rest stay as they are."""
    if scene.name == "bg_meadow":
        return _cleared(rng, scene)
    return _clouded(rng, scene) if scene.name == "bg_washington" else scene


def _cleared(rng: np.random.Generator, scene: Scene) -> Scene:
    height, width = scene.rgb.shape[:2]
    hue, saturation, value = cv2.split(cv2.cvtColor(scene.rgb, cv2.COLOR_RGB2HSV))
    sky = (value > 110) & (((hue > 85) & (hue < 130)) | (saturation < 50))
    sky[330:] = False
    top, low = np.array([35, 110, 205]) + rng.integers(-20, 30, 3), np.array([170, 215, 245]) + rng.integers(-25, 10, 3)
    mix = np.clip(np.linspace(0, height / 330, height), 0, 1)[:, None, None]
    gradient = np.broadcast_to(top * (1 - mix) + low * mix, (height, width, 3))
    parts = {tag: boxes for tag, boxes in scene.parts.items() if tag != "cloud"}
    whole = cv2.morphologyEx(sky.astype(np.float32), cv2.MORPH_CLOSE, _DISC)
    return replace(scene, rgb=_over(scene.rgb, gradient, whole), parts=parts)


def _clouded(rng: np.random.Generator, scene: Scene) -> Scene:
    height, width = scene.rgb.shape[:2]
    hue, saturation, value = cv2.split(cv2.cvtColor(scene.rgb, cv2.COLOR_RGB2HSV))
    sky = ((hue > 90) & (hue < 125) & (saturation > 40) & (value > 70)).astype(np.float32)
    sky[440:] = 0
    heap = np.zeros((height, width), np.float32)
    for cells, strength in ((4, 1.0), (9, 0.6), (20, 0.35), (50, 0.2)):
        grid = rng.normal(0, strength, (cells, 2 * cells)).astype(np.float32)
        heap += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    # Enough of the sky that nobody would call it clear.
    edge = np.quantile(heap[:440], rng.uniform(0.4, 0.7))
    higher = np.clip((440 - np.arange(height, dtype=np.float32)) / 200, 0, 1)[:, None]
    cloud = np.clip((heap - edge) * rng.uniform(0.8, 2.5), 0, 1) * cv2.erode(sky, _DISC) * higher
    white = np.clip(225 + heap[..., None] * 25 + np.array([0, 2, 6]), 150, 255)
    return replace(scene, rgb=_over(scene.rgb, white, cloud), parts=scene.parts | {"cloud": ((0, 0, width, 340),)})


_DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))


def _over(rgb: np.ndarray, paint: np.ndarray, share: np.ndarray) -> np.ndarray:
    """paint: [H, W, 3]; share: float32 [H, W], 0-1."""
    share = cv2.GaussianBlur(share, (3, 3), 0)[..., None]
    return (paint * share + rgb * (1 - share)).round().clip(0, 255).astype(np.uint8)
