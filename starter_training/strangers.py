"""Pictures of none of the characters, drawn by lot: empty colours, noise, shapes, scribbles, writing, puppets.

Without them the tagger would find one of its people in everything.
"""

from dataclasses import replace

import cv2
import numpy as np

from starter_training import recolour
from starter_training.art import Figure
from starter_training.compose import Picture

# What a stranger may or may not be called: never taught, never counted.
_OPEN = frozenset(
    {
        *("simple_background", "gradient_background", "white_background", "grey_background", "black_background"),
        *("blue_background", "pink_background", "no_humans"),
    }
)
# Of a drawn person of nobody in particular. Nobody can say whether a puppet is a girl, or what its colours are called.
OPEN_PERSON = frozenset(
    {
        "1girl",
        "solo",
        "no_humans",
        "portrait",
        "upper_body",
        "cowboy_shot",
        "looking_at_viewer",
        "smile",
        "closed_mouth",
    }
    | {"short_hair", "long_hair", "bangs", "shirt", "dress", "closed_eyes"}
    | {f"{colour}_hair" for colour in recolour.HAIR}
    | {f"{colour}_eyes" for colour in recolour.EYES}
)


def draw(rng: np.random.Generator, width: int, height: int) -> Picture:
    kind = rng.choice(["noise", "shapes", "scribble", "writing", "stripes", "puppet", "puppet"])
    image = _ground(rng, width, height)
    {"noise": _noise, "shapes": _shapes, "scribble": _scribble, "writing": _writing}.get(kind, _stripes)(rng, image)
    if kind != "puppet":
        return Picture(image, frozenset({"rating:safe", "no_humans"}), _OPEN - {"no_humans"})
    image = _ground(rng, width, height)
    if rng.random() < 0.5:
        _shapes(rng, image)
    _puppet(rng, image)
    return Picture(image, frozenset({"rating:safe"}), _OPEN | OPEN_PERSON)


def mannequin(rng: np.random.Generator, figure: Figure) -> Figure:
    """The figure's outline, stretched and leaning, filled with paint: a person with nothing that we have a word for."""
    tall, wide = figure.rgba.shape[:2]
    lean, stretch = rng.uniform(-0.25, 0.25), rng.uniform(0.75, 1.15)
    centre = (1 - stretch) * wide / 2 - lean * tall / 2
    alpha = cv2.warpAffine(
        figure.rgba[..., 3], np.array([[stretch, lean, centre], [0, 1, 0]], np.float32), (wide, tall)
    )
    paint = _ground(rng, wide, tall)
    if rng.random() < 0.6:
        _shapes(rng, paint)
    if rng.random() < 0.7:
        _noise(rng, paint)
    if rng.random() < 0.5:
        _scribble(rng, paint)
    left, top, right, bottom = figure.face
    if rng.random() < 0.7:
        skin = tuple(int(value) for value in np.array([250, 220, 195]) * rng.uniform(0.4, 1))
        middle = (round((left + right) / 2 * stretch + lean * (top + bottom) / 2 + centre), (top + bottom) // 2)
        _head(rng, paint, middle, (right - left) * 0.5, skin)
    return replace(figure, rgba=np.dstack([paint, alpha]), tags={}, maybe=OPEN_PERSON)


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    return tuple(int(value) for value in rng.integers(0, 256, 3))


def _ground(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    corners = rng.integers(0, 256, (2, 2, 3)).astype(np.uint8)
    if rng.random() < 0.5:
        corners[:] = corners[0, 0]
    return cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)


def _noise(rng: np.random.Generator, image: np.ndarray) -> None:
    """Clouds of several sizes, grey or coloured: rock, fur, foliage, snow on a screen."""
    height, width = image.shape[:2]
    total = image.astype(np.float32)
    channels = int(rng.choice([1, 3]))
    for cells in rng.choice([2, 4, 8, 16, 32, 64, 128, 256], size=int(rng.integers(1, 5)), replace=False):
        grid = rng.normal(0, 1, (int(cells), int(cells), channels)).astype(np.float32)
        layer = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, -1)
        total += layer * rng.uniform(5, 60)
    image[:] = np.clip(total, 0, 255)


def _shapes(rng: np.random.Generator, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(2, 30))):
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        size = (int(rng.integers(3, width // 3)), int(rng.integers(3, height // 3)))
        thick = int(rng.choice([-1, -1, 1, 3, 8]))
        shape = rng.integers(0, 3)
        if shape == 0:
            cv2.ellipse(image, centre, size, float(rng.uniform(0, 180)), 0, 360, _colour(rng), thick, cv2.LINE_AA)
        elif shape == 1:
            cv2.rectangle(image, centre, (centre[0] + size[0], centre[1] + size[1]), _colour(rng), thick)
        else:
            points = (rng.normal(0, 1, (int(rng.integers(3, 7)), 2)) * size + centre).astype(np.int32)
            cv2.fillPoly(image, [points], _colour(rng), cv2.LINE_AA)


def _scribble(rng: np.random.Generator, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(1, 25))):
        steps = rng.normal(0, min(width, height) / 12, (int(rng.integers(4, 60)), 2)).cumsum(0)
        points = (steps + rng.uniform(0, 1, 2) * (width, height)).astype(np.int32)
        cv2.polylines(image, [points], False, _colour(rng), int(rng.integers(1, 7)), cv2.LINE_AA)


def _writing(rng: np.random.Generator, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(1, 14))):
        letters = "".join(chr(int(code)) for code in rng.integers(33, 127, int(rng.integers(1, 14))))
        place = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        size = float(rng.uniform(0.4, 4))
        cv2.putText(image, letters, place, int(rng.integers(0, 5)), size, _colour(rng), int(rng.integers(1, 6)))


def _stripes(rng: np.random.Generator, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(4, width / 2)
    wave = np.sin((columns * np.cos(angle) + rows * np.sin(angle)) / pitch * 6.28)
    image[wave > rng.uniform(-0.7, 0.7)] = _colour(rng)


def _puppet(rng: np.random.Generator, image: np.ndarray) -> None:
    """A head of circles with hair and shoulders: a person of sorts, but nobody we know."""
    height, width = image.shape[:2]
    size = rng.uniform(0.12, 0.3) * min(width, height)
    centre = (round(rng.uniform(0.3, 0.7) * width), round(rng.uniform(0.3, 0.6) * height))
    skin = tuple(int(value) for value in np.array([250, 220, 195]) * rng.uniform(0.45, 1))
    hair = _colour(rng)
    _blob(image, centre, size, (0, rng.uniform(-0.2, 1), rng.uniform(1, 1.5), rng.uniform(1.2, 2.4)), hair)
    _blob(image, centre, size, (0, 2.9, rng.uniform(1.2, 2), 1.9), _colour(rng))
    _head(rng, image, centre, size, skin)
    cv2.ellipse(
        image, (centre[0], round(centre[1] - 0.35 * size)), (round(size), round(0.9 * size)), 0, 180, 360, hair, -1
    )


def _head(rng: np.random.Generator, image: np.ndarray, centre, size: float, skin) -> None:
    """Skin, eyes of no colour in particular, a mouth."""
    _blob(image, centre, size, (0, 0, 0.9, 1.05), skin)
    iris = _colour(rng)
    for side in (-0.4, 0.4):
        _blob(image, centre, size, (side, 0.1, 0.2, rng.uniform(0.1, 0.26)), (250, 250, 250))
        _blob(image, centre, size, (side, 0.1, 0.11, 0.16), iris)
    _blob(image, centre, size, (0, 0.6, rng.uniform(0.1, 0.35), rng.uniform(0.03, 0.2)), (150, 50, 60))


def _blob(image: np.ndarray, centre, size: float, place: tuple[float, float, float, float], colour) -> None:
    """place: across and down from the centre, half width and half height; all in heads."""
    across, down, wide, high = place
    middle = (round(centre[0] + across * size), round(centre[1] + down * size))
    cv2.ellipse(image, middle, (round(wide * size), round(high * size)), 0, 0, 360, colour, -1, cv2.LINE_AA)
