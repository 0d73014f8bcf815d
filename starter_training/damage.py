"""Pictures broken on purpose, each in a way in which small generators break them: what the starter's witness must see.

The damage is at the figure: at its face, or from the face to the shoulders. The same seed gives the same damage. What
can hardly be seen is drawn again, harder: each kind changes at least `LEAST_CHANGE` of 255 in the middle of its place.
"""

from collections.abc import Callable

import cv2
import numpy as np

LEAST_CHANGE = 22.0  # mean of the largest channel's difference over the half of the place that changed most
TRIES = 12
FACE_SHARE = 0.5  # of the pictures are broken at the face, the others about the shoulders

Box = tuple[int, int, int, int]  # left, top, right, bottom


def broken(
    image: np.ndarray, face: Box, kind: str, rng: np.random.Generator, other: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """image: uint8 [H, W, 3], RGB; face: its pixels; other: a picture of the same size, of which `spliced` takes a part
    -> (uint8 [H, W, 3], float32 [H, W], 0-1: where it is broken).
    """
    best, most = None, -1.0
    for attempt in range(TRIES):
        place = _place(image.shape[:2], face, rng)
        harder = 1 + 0.15 * attempt
        made = KINDS[kind](image, place, rng, other, harder)
        apart = np.abs(made.astype(np.int16) - image).max(2).astype(np.float32)
        change = _change(apart, place)
        if change > most:
            best, most = (made, apart), change
        if change >= LEAST_CHANGE:
            break
    made, apart = best
    seen = cv2.GaussianBlur(apart, (0, 0), 3) / 24
    return made, np.clip(seen, 0, 1)


def somewhere(shape: tuple[int, int], face: Box, rng: np.random.Generator) -> np.ndarray:
    """float32 [H, W], 0-1: where a figure may be broken, for a way of breaking it that is not among the kinds."""
    return _mask(shape, _place(shape, face, rng), rng)[..., 0]


def _place(shape: tuple[int, int], face: Box, rng: np.random.Generator) -> Box:
    """Where it breaks: about the face, or from the chin to the shoulders; at least 28 px, within the picture."""
    height, width = shape
    left, top, right, bottom = face
    wide, tall = right - left, bottom - top
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    if rng.random() < FACE_SHARE:
        w, h = wide * rng.uniform(0.9, 1.5), tall * rng.uniform(0.9, 1.4)
        x, y = middle_x + wide * rng.uniform(-0.25, 0.25), middle_y + tall * rng.uniform(-0.25, 0.2)
    else:
        w, h = wide * rng.uniform(1.2, 2.4), tall * rng.uniform(1.0, 1.9)
        x, y = middle_x + wide * rng.uniform(-0.7, 0.7), bottom + tall * rng.uniform(-0.1, 0.7)
    w, h = max(w, 28), max(h, 28)
    x, y = np.clip(x, 8, width - 8), np.clip(y, 8, height - 8)
    box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    limits = (width, height, width, height)
    return tuple(int(np.clip(round(side), 0, limit)) for side, limit in zip(box, limits, strict=True))


def _change(apart: np.ndarray, place: Box) -> float:
    left, top, right, bottom = place
    part = apart[top:bottom, left:right]
    if part.size == 0:
        return 0.0
    return float(part[part >= np.median(part)].mean())


def _mask(shape: tuple[int, int], place: Box, rng: np.random.Generator) -> np.ndarray:
    """float32 [H, W, 1], 0-1: an uneven patch that fills most of the place, with an edge of 1 to 4 px."""
    height, width = shape
    left, top, right, bottom = place
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    wobble = 1 + sum(rng.uniform(0, 0.16) * np.sin(n * angle + rng.uniform(0, 6.3)) for n in (2, 3, 5))
    x = (left + right) / 2 + (right - left) / 2 * wobble * np.cos(angle)
    y = (top + bottom) / 2 + (bottom - top) / 2 * wobble * np.sin(angle)
    mask = np.zeros((height, width), np.float32)
    cv2.fillPoly(mask, [np.stack([x, y], 1).round().astype(np.int32)], 1.0)
    return cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.6, 2.5))[..., None]


def _mixed(image: np.ndarray, other: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return (image * (1 - mask) + other * mask).round().clip(0, 255).astype(np.uint8)


def _moved(image: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """dx, dy: float [H, W], pixels from which each pixel is taken, counted from its own place."""
    height, width = image.shape[:2]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    there = (columns + dx.astype(np.float32), rows + dy.astype(np.float32))
    return cv2.remap(image, *there, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def _waves(shape: tuple[int, int], step_px: float, rng: np.random.Generator) -> np.ndarray:
    """float32 [H, W]: smooth noise of mean 0 and deviation 1, its hills about `step_px` apart."""
    height, width = shape
    coarse = rng.normal(0, 1, (max(3, round(height / step_px)) + 2, max(3, round(width / step_px)) + 2))
    field = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return (field - field.mean()) / (field.std() + 1e-6)


def torn(image: np.ndarray, place: Box, rng: np.random.Generator, other: np.ndarray, harder: float) -> np.ndarray:
    """Pulled about: a warp, or a cut along which one half has slipped."""
    shape, side = image.shape[:2], min(place[2] - place[0], place[3] - place[1])
    mask = _mask(shape, place, rng)
    if rng.random() < 0.5:
        far = harder * side * rng.uniform(0.12, 0.22)
        step = side * rng.uniform(0.25, 0.5)
        made = _moved(image, far * _waves(shape, step, rng), far * _waves(shape, step, rng))
        return _mixed(image, made, mask)
    angle, far = rng.uniform(0, np.pi), harder * side * rng.uniform(0.25, 0.5) * rng.choice((-1, 1))
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    x, y = (place[0] + place[2]) / 2, (place[1] + place[3]) / 2
    across = (columns - x) * np.sin(angle) - (rows - y) * np.cos(angle)
    across = across + side * 0.06 * _waves(shape, side * 0.3, rng)
    half = (across > 0).astype(np.float32)
    made = _moved(image, far * np.cos(angle) * half, far * np.sin(angle) * half)
    return _mixed(image, made, mask)


def smeared(image: np.ndarray, place: Box, rng: np.random.Generator, other: np.ndarray, harder: float) -> np.ndarray:
    """Wiped in one direction, or rubbed out of focus."""
    side = min(place[2] - place[0], place[3] - place[1])
    mask = _mask(image.shape[:2], place, rng)
    if rng.random() < 0.65:
        length = max(9, round(harder * side * rng.uniform(0.35, 0.7)))
        angle, kernel = rng.uniform(0, np.pi), np.zeros((length, length), np.float32)
        middle, reach = (length - 1) / 2, length / 2
        ends = [(round(middle + s * reach * np.cos(angle)), round(middle + s * reach * np.sin(angle))) for s in (-1, 1)]
        cv2.line(kernel, *ends, 1.0)
        made = cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    else:
        made = cv2.GaussianBlur(image, (0, 0), harder * side * rng.uniform(0.09, 0.16))
    return _mixed(image, made, mask)


def melted(image: np.ndarray, place: Box, rng: np.random.Generator, other: np.ndarray, harder: float) -> np.ndarray:
    """Run down in drops of uneven length."""
    shape = image.shape[:2]
    side = min(place[2] - place[0], place[3] - place[1])
    drops = _waves((1, shape[1]), side * rng.uniform(0.1, 0.25), rng)[0]
    depth = np.clip((np.arange(shape[0]) - place[1]) / max(1, place[3] - place[1]), 0, 1)
    far = harder * side * rng.uniform(0.3, 0.55)
    dy = -far * depth[:, None] * np.clip(0.7 + 0.6 * drops, 0, 2)[None]
    dx = side * 0.04 * harder * _waves(shape, side * 0.4, rng)
    return _mixed(image, _moved(image, dx, dy), _mask(shape, place, rng))


def spliced(image: np.ndarray, place: Box, rng: np.random.Generator, other: np.ndarray, harder: float) -> np.ndarray:
    """Part of another picture, or of this one, in its midst: mirrored, shifted, larger or smaller."""
    source = other if rng.random() < 0.6 else image
    height, width = image.shape[:2]
    if rng.random() < 0.5:
        source = source[:, ::-1]
    size = rng.uniform(0.7, 1.5)
    left, top, right, bottom = place
    far = 0.35 * min(right - left, bottom - top) * harder
    dx, dy = rng.uniform(0.6, 1.2, 2) * far * rng.choice((-1, 1), 2)
    x, y = (left + right) / 2, (top + bottom) / 2
    turn = cv2.getRotationMatrix2D((x, y), rng.uniform(-25, 25), size)
    turn[:, 2] += dx, dy
    made = cv2.warpAffine(np.ascontiguousarray(source), turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    return _mixed(image, made, _mask(image.shape[:2], place, rng))


def half_erased(image: np.ndarray, place: Box, rng: np.random.Generator, other: np.ndarray, harder: float):
    """A part that is not there: one colour, a gradient of the picture's own colours, or what its surroundings say."""
    height, width = image.shape[:2]
    mask = _mask(image.shape[:2], place, rng)
    way = rng.random()
    if way < 0.4:  # the picture's edge, stretched over the place
        rim = image[:, : max(4, width // 12)] if rng.random() < 0.5 else image[:, -max(4, width // 12) :]
        made = cv2.resize(cv2.GaussianBlur(rim, (0, 0), 3), (width, height), interpolation=cv2.INTER_LINEAR)
    elif way < 0.75:  # two of its colours
        rows, columns = rng.integers(0, height, 2), rng.integers(0, width, 2)
        ends = image[rows, columns].astype(np.float32)
        mix = np.clip(0.5 + 0.35 * _waves((height, width), 60, rng), 0, 1)[..., None]
        made = ends[0] * (1 - mix) + ends[1] * mix
    else:
        hole = (mask[..., 0] > 0.3).astype(np.uint8)
        made = cv2.inpaint(image, hole, 3, cv2.INPAINT_TELEA)
    return _mixed(image, made, mask)


def noisy(image: np.ndarray, place: Box, rng: np.random.Generator, other: np.ndarray, harder: float) -> np.ndarray:
    """Blotches, or squares that have changed places."""
    shape, side = image.shape[:2], min(place[2] - place[0], place[3] - place[1])
    mask = _mask(shape, place, rng)
    if rng.random() < 0.5:
        step = rng.uniform(3, 8)
        blotches = np.stack([_waves(shape, step, rng) for _ in range(3)], 2)
        if rng.random() < 0.4:
            blotches[:] = blotches[..., :1]
        made = image + harder * rng.uniform(30, 55) * blotches
        return _mixed(image, made.clip(0, 255), mask)
    cell = int(rng.integers(6, 13))
    reach = max(2, round(side * 0.5 / cell))
    cells = (-(-shape[0] // cell), -(-shape[1] // cell))
    dy, dx = (np.kron(rng.integers(-reach, reach + 1, cells) * cell, np.ones((cell, cell))) for _ in range(2))
    made = _moved(image, dx[: shape[0], : shape[1]], dy[: shape[0], : shape[1]])
    return _mixed(image, made, mask)


Kind = Callable[[np.ndarray, Box, np.random.Generator, np.ndarray, float], np.ndarray]
KINDS: dict[str, Kind] = {each.__name__: each for each in (torn, smeared, melted, spliced, half_erased, noisy)}
