"""Figures over a background, and the tags that are true of the outcome. Deterministic: nothing here draws lots.

A tag of a figure holds where most of the part that shows it can be seen: inside the frame, not behind another figure.
Between "most" and "hardly any" a tag is `unsure`: people would differ, so it is neither taught nor counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from starter_training.art import Box, Figure, Scene

SEEN, HARDLY_SEEN = 0.6, 0.2  # shares of the figure inside a tag's box
LARGE, SMALL = 0.04, 0.01  # shares of the frame, for parts of a scene


@dataclass(frozen=True)
class Actor:
    """A figure, its top left corner at (x, y) in pixels of the frame, `scale` frame pixels a sprite pixel."""

    figure: Figure
    scale: float
    x: float
    y: float
    mirror: bool = False


@dataclass(frozen=True)
class Plain:
    """A background without a place: one colour or a gradient from top to bottom. Colours: RGB, 0-255."""

    top: tuple[int, int, int]
    bottom: tuple[int, int, int]
    tags: frozenset[str]
    maybe: frozenset[str] = frozenset()


@dataclass(frozen=True)
class View:
    """The part of a scene that fills the frame; `window` in scene pixels, of the frame's aspect."""

    scene: Scene
    window: tuple[float, float, float, float]
    mirror: bool = False


@dataclass(frozen=True)
class Picture:
    """image: uint8 [H, W, 3], RGB. covered: bool [H, W], where somebody is."""

    image: np.ndarray
    tags: frozenset[str]
    unsure: frozenset[str] = frozenset()
    covered: np.ndarray | None = None


def compose(actors: Sequence[Actor], background: Plain | View, width: int, height: int) -> Picture:
    """Paint the actors in order, the last one in front."""
    image = _paint_plain(background, width, height) if isinstance(background, Plain) else None
    if image is None:
        image = _paint_view(background, width, height)
    masks: list[np.ndarray] = []  # bool [H, W]: where each actor can be seen
    for actor in actors:
        alpha = _paint_actor(image, actor)
        for mask in masks:
            mask &= ~alpha
        masks.append(alpha)
    covered = np.logical_or.reduce(masks) if masks else np.zeros((height, width), bool)

    tags, unsure = {"rating:safe"}, set()
    if isinstance(background, Plain):
        tags |= background.tags
        unsure |= background.maybe
    else:
        _add_scene(background, covered, tags, unsure)
    for actor, mask in zip(actors, masks, strict=True):
        _add_figure(actor, mask, tags, unsure)
    _add_count(len(actors), tags)
    return Picture(image, frozenset(tags), frozenset(unsure - tags), covered)


def fit_window(scene: Scene, width: int, height: int, zoom: float, across: float, down: float):
    """A window of the frame's aspect: zoom 1 is the largest that fits; `across`, `down`: its place, 0-1."""
    scene_height, scene_width = scene.rgb.shape[:2]
    scale = min(scene_width / width, scene_height / height) / zoom
    wide, high = width * scale, height * scale
    left, top = across * (scene_width - wide), down * (scene_height - high)
    return left, top, left + wide, top + high


def _paint_plain(plain: Plain, width: int, height: int) -> np.ndarray:
    mix = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    rows = np.array(plain.top, np.float32) * (1 - mix) + np.array(plain.bottom, np.float32) * mix
    return np.repeat(rows.round().astype(np.uint8)[:, None], width, axis=1)


def _paint_view(view: View, width: int, height: int) -> np.ndarray:
    left, top, right, bottom = (round(side) for side in view.window)
    part = view.scene.rgb[top : max(bottom, top + 1), left : max(right, left + 1)]
    image = _resize(part, width, height)
    return np.ascontiguousarray(image[:, ::-1]) if view.mirror else image


def _paint_actor(image: np.ndarray, actor: Actor) -> np.ndarray:
    """Paint onto image; returns bool [H, W]: what the figure covers."""
    height, width = image.shape[:2]
    sprite = actor.figure.rgba[:, ::-1] if actor.mirror else actor.figure.rgba
    tall, wide = sprite.shape[:2]
    # Whole sprite pixels around the frame: enlarging a part costs what can be seen of it.
    left, top = max(0, int(-actor.x / actor.scale)), max(0, int(-actor.y / actor.scale))
    right = min(wide, int(np.ceil((width - actor.x) / actor.scale)))
    bottom = min(tall, int(np.ceil((height - actor.y) / actor.scale)))
    covered = np.zeros((height, width), bool)
    if left >= right or top >= bottom:
        return covered
    x0, y0 = round(actor.x + left * actor.scale), round(actor.y + top * actor.scale)
    x1, y1 = round(actor.x + right * actor.scale), round(actor.y + bottom * actor.scale)
    part = sprite[top:bottom, left:right].astype(np.float32)
    part[..., :3] *= part[..., 3:] / 255  # premultiplied: else the colour of nothing bleeds into the edge
    part = np.clip(_resize(part, max(1, x1 - x0), max(1, y1 - y0)), 0, 255)
    rows, columns = slice(max(0, y0), min(height, y1)), slice(max(0, x0), min(width, x1))
    part = part[rows.start - y0 : rows.stop - y0, columns.start - x0 : columns.stop - x0]
    under = image[rows, columns].astype(np.float32)
    image[rows, columns] = np.clip(part[..., :3] + under * (1 - part[..., 3:] / 255), 0, 255).round()
    covered[rows, columns] = part[..., 3] > 127
    return covered


def _resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    shrinks = width <= pixels.shape[1]
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _add_scene(view: View, covered: np.ndarray, tags: set[str], unsure: set[str]) -> None:
    height, width = covered.shape
    tags |= view.scene.tags
    unsure |= view.scene.maybe
    left, top, right, bottom = view.window
    scale_x, scale_y = width / (right - left), height / (bottom - top)
    for tag, boxes in view.scene.parts.items():
        shown = np.zeros_like(covered)
        for box in boxes:
            x0, x1 = (box[0] - left) * scale_x, (box[2] - left) * scale_x
            if view.mirror:
                x0, x1 = width - x1, width - x0
            _slice(shown, x0, (box[1] - top) * scale_y, x1, (box[3] - top) * scale_y)[:] = True
        share = np.count_nonzero(shown & ~covered) / covered.size
        if share >= LARGE:
            tags.add(tag)
        elif share >= SMALL:
            unsure.add(tag)


def _add_figure(actor: Actor, mask: np.ndarray, tags: set[str], unsure: set[str]) -> None:
    figure = actor.figure
    unsure |= figure.maybe
    seen: dict[Box, float] = {}
    for tag, box in figure.tags.items():
        if box not in seen:
            seen[box] = _seen(actor, mask, box)
        if seen[box] >= SEEN:
            tags.add(tag)
        elif seen[box] >= HARDLY_SEEN:
            unsure.add(tag)
    if _seen(actor, mask, figure.face) < SEEN:
        unsure.update(figure.views)
        return
    # Where the frame ends, in sprite pixels: what photographers' views are named by.
    lower = min((mask.shape[0] - actor.y) / actor.scale, figure.rgba.shape[0])
    near = 0.03 * figure.rgba.shape[0]
    for name, (first, last) in figure.views.items():
        if first <= lower <= last:
            tags.add(name)
        elif first - 4 * near <= lower <= last + 4 * near:
            unsure.add(name)


def _seen(actor: Actor, mask: np.ndarray, box: Box) -> float:
    """The share of the figure inside the box that can be seen, 0-1."""
    figure = actor.figure
    left, top, right, bottom = box
    whole = np.count_nonzero(figure.rgba[top:bottom, left:right, 3] > 127) * actor.scale**2
    if actor.mirror:
        left, right = figure.rgba.shape[1] - right, figure.rgba.shape[1] - left
    x0, y0 = actor.x + left * actor.scale, actor.y + top * actor.scale
    x1, y1 = actor.x + right * actor.scale, actor.y + bottom * actor.scale
    return np.count_nonzero(_slice(mask, x0, y0, x1, y1)) / max(whole, 1)


def _slice(plane: np.ndarray, x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return plane[max(0, round(y0)) : max(0, round(y1)), max(0, round(x0)) : max(0, round(x1))]


def _add_count(people: int, tags: set[str]) -> None:
    if people == 0:
        tags.add("no_humans")
    elif people == 1:
        tags |= {"1girl", "solo"}
    else:
        tags.add(f"{people}girls")


def stand(figure: Figure, width: int, height: int, lower: float, headroom: float, across: float, mirror: bool = False):
    """An actor whose hair begins `headroom` frame heights below the top edge, whose row `lower` (sprite pixels) lies on
    the bottom edge, and whose face is `across` frame widths from the left."""
    first = int(np.argmax((figure.rgba[..., 3] > 127).any(1)))
    scale = height * (1 - headroom) / (lower - first)
    centre = (figure.face[0] + figure.face[2]) / 2
    if mirror:
        centre = figure.rgba.shape[1] - centre
    return Actor(figure, scale, across * width - centre * scale, headroom * height - first * scale, mirror)
