"""What the starter generator learns from: small pictures with their tags, one person in each, all from a seed.

Each is one of the tagger's compositions (a sprite over a scene or a colour) at the size that the generator draws. A
share of the combinations of outfit, expression, view and place is never shown, so that it can be asked whether they
are drawn all the same.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from prep.starter import art, recolour, sampling
from prep.starter.compose import Plain, View, compose, fit_window, stand

# (width, height) in pixels: about 128 x 128 each, both sides divisible by 16, as the transformer needs.
SIZES = ((128, 128), (112, 144), (96, 160), (80, 192), (144, 112), (160, 96))
SIZE_CHANCES = (0.3, 0.2, 0.16, 0.1, 0.12, 0.12)
LARGER = 3  # drawn at so many times the size, then made small: edges as soft as a photograph's
VIEWS = ("portrait", "upper_body", "cowboy_shot")
PLAIN = {
    "white": (255, 255, 255),
    "grey": (150, 150, 150),
    "black": (8, 8, 8),
    "blue": (90, 150, 225),
    "pink": (245, 170, 195),
}
HELD_OUT = 8  # one combination in so many


@dataclass(frozen=True)
class Choice:
    """What a picture shows."""

    outfit: str
    face: str
    mouth: str  # drawn in place of the artist's; empty: the artist's
    view: str
    place: str  # a scene's name or a colour's

    @property
    def held_out(self) -> bool:
        named = f"{self.outfit} {self.face} {self.mouth} {self.view} {self.place}"
        return zlib.crc32(named.encode()) % HELD_OUT == 0


@dataclass(frozen=True)
class Small:
    """image: uint8 [H, W, 3], RGB. face: left, top, right, bottom in its pixels. tags: those that are surely true."""

    image: np.ndarray
    face: tuple[int, int, int, int]
    tags: tuple[str, ...]


def choose(rng: np.random.Generator, held_out: bool = False) -> Choice:
    """By lot, of what the tagger was trained on: of the combinations held out, or of the others."""
    pool = sampling.training_pool()
    outfits = sorted({outfit for outfit, _ in pool.faces})
    while True:
        outfit = str(rng.choice(outfits))
        faces = [face for name, face in pool.faces if name == outfit]
        mouth = str(rng.choice(list(recolour.MOUTHS))) if rng.random() < 0.25 else ""
        place = str(rng.choice(pool.scenes)) if rng.random() < 0.65 else str(rng.choice([*PLAIN, "white", "white"]))
        choice = Choice(outfit, str(rng.choice(faces)), mouth, str(rng.choice(VIEWS, p=(0.3, 0.36, 0.34))), place)
        if choice.held_out == held_out:
            return choice


def picture(choice: Choice, seed: Sequence[int], size: tuple[int, int]) -> Small:
    """size: width, height in pixels. The same arguments give the same picture."""
    cv2.setNumThreads(1)  # one process a core already
    rng = np.random.default_rng(list(seed))
    width, height = size[0] * LARGER, size[1] * LARGER
    figure = art.figure(choice.outfit, choice.face)
    if choice.mouth:
        figure = recolour.with_mouth(figure, choice.mouth)
    first, last = figure.views[choice.view]
    as_is = choice.view == "cowboy_shot" and height > 2 * width
    lower = min(last, figure.rgba.shape[0] - 2) if as_is else min(rng.uniform(first, last), figure.rgba.shape[0] - 2)
    headroom = 0.02 if as_is else rng.uniform(0.02, 0.15)
    across = 0.5 if as_is else rng.uniform(0.35, 0.65)
    actor = stand(figure, width, height, lower, headroom, across, bool(rng.random() < 0.35))
    if choice.place in PLAIN:
        colour = PLAIN[choice.place]
        background = Plain(colour, colour, frozenset({"simple_background", f"{choice.place}_background"}))
    else:
        scene = art.scene(choice.place)
        window = fit_window(scene, width, height, 1 + rng.exponential(0.15), rng.random(), rng.random())
        background = View(scene, window, bool(rng.random() < 0.5))
    drawn = compose([actor], background, width, height)
    left, top, right, bottom = figure.face
    if actor.mirror:
        left, right = figure.rgba.shape[1] - right, figure.rgba.shape[1] - left
    face = ((actor.x + left * actor.scale), (actor.y + top * actor.scale))
    face += ((actor.x + right * actor.scale), (actor.y + bottom * actor.scale))
    small = cv2.resize(drawn.image, size, interpolation=cv2.INTER_AREA)
    return Small(small, tuple(round(side / LARGER) for side in face), tuple(sorted(drawn.tags - {"rating:safe"})))


def numbered(number: int, seed: int = 1) -> tuple[Choice, Small]:
    """The picture of that number in what the generator learns from."""
    rng = np.random.default_rng([seed, number])
    choice = choose(rng)
    return choice, picture(choice, (seed, number, 1), SIZES[rng.choice(len(SIZES), p=SIZE_CHANCES)])
