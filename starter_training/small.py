"""What the starter generator learns from: small pictures with their tags, of one person or nobody, all from a seed.

Each is one of the tagger's compositions (a sprite over a scene or a colour) at the size that the generator draws. A
share of the combinations of outfit, expression, view and place is never shown, so that it can be asked whether they
are drawn all the same.

What is asked for decides where a figure stands: as the sprite files frame it, or on a grid of ten sizes and of places
a latent or a token apart. What is always cut into latents in the same way is learnt sharp in the time there is; what
may lie anywhere is learnt soft.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from starter_training import art, recolour, sampling
from starter_training.compose import Actor, Plain, View, compose, fit_window, stand

# (width, height) in pixels: about 160 x 160 each, both sides divisible by 16, as the transformer needs.
SIZES = ((160, 160), (144, 176), (128, 192), (112, 224), (176, 144), (192, 128))
SIZE_CHANCES = (0.24, 0.16, 0.2, 0.18, 0.11, 0.11)
LARGER = 3  # drawn at so many times the size, then made small: edges as soft as a photograph's
LATENT_PX, TOKEN_PX = 8, 16  # the transformer sees two latents by two at once
SIZE_STEP = 2**0.25  # from one size of a figure to the next
VIEWS = ("portrait", "upper_body", "cowboy_shot")
PLAIN = {
    "white": (255, 255, 255),
    "grey": (150, 150, 150),
    "black": (8, 8, 8),
    "blue": (90, 150, 225),
    "pink": (245, 170, 195),
}
HELD_OUT = 8  # one combination in so many
DRAWN_MOUTH = 0.45  # chance: else some expressions of a person would hardly be seen
EMPTY = 0.12  # share of pictures with nobody in them: the scenes behind composites
ZOOMS = (1.0, 1.0, 1.0, 1.3, 1.6)  # of an empty scene
# Of a scene behind somebody: zoom, and where it is cut, 0 above - 1 below. Lake and road have the grey of eileen's
# jacket, and in portraits her shoulders were lost in them: trees and grass lie above.
CUT = (1.0, 1.0)
CUTS = {("eileen", "bg_washington"): (1.25, 0.0), ("eileen", "bg_meadow"): (1.5, 0.0)}


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
    """image: uint8 [H, W, 3], RGB. face: left, top, right, bottom in its pixels; zeros without a person. tags: those
    that are surely true. figure: uint8 [H / 8, W / 8], how much of each latent it covers, 0-255. unseen: tags of what
    the person has and the frame leaves out, or hardly shows.
    """

    image: np.ndarray
    face: tuple[int, int, int, int]
    tags: tuple[str, ...]
    figure: np.ndarray | None = None
    unseen: tuple[str, ...] = ()


def choose(rng: np.random.Generator, held_out: bool = False) -> Choice:
    """By lot, of what the tagger was trained on: of the combinations held out, or of the others."""
    pool = sampling.training_pool()
    outfits = sorted({outfit for outfit, _ in pool.faces})
    while True:
        outfit = str(rng.choice(outfits))
        faces = [face for name, face in pool.faces if name == outfit]
        mouth = str(rng.choice(list(recolour.MOUTHS))) if rng.random() < DRAWN_MOUTH else ""
        place = str(rng.choice(pool.scenes)) if rng.random() < 0.65 else str(rng.choice([*PLAIN, "white", "white"]))
        choice = Choice(outfit, str(rng.choice(faces)), mouth, str(rng.choice(VIEWS, p=(0.36, 0.32, 0.32))), place)
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
    actor = _own_frame(figure, width, height) if choice.view == "cowboy_shot" else None
    actor = actor or _standing(figure, choice.view, width, height)
    if choice.place in PLAIN:
        colour = PLAIN[choice.place]
        background = Plain(colour, colour, frozenset({"simple_background", f"{choice.place}_background"}))
    else:
        scene = art.scene(choice.place)
        zoom, down = CUTS.get((choice.outfit, choice.place), CUT)
        background = View(scene, fit_window(scene, width, height, zoom, rng.integers(3) / 2, down))
    drawn = compose([actor], background, width, height)
    left, top, right, bottom = figure.face
    face = ((actor.x + left * actor.scale), (actor.y + top * actor.scale))
    face += ((actor.x + right * actor.scale), (actor.y + bottom * actor.scale))
    small = cv2.resize(drawn.image, size, interpolation=cv2.INTER_AREA)
    return Small(
        small,
        tuple(round(side / LARGER) for side in face),
        tuple(sorted(drawn.tags - {"rating:safe"})),
        _covered(drawn.covered, size),
        tuple(sorted(set(figure.tags) - drawn.tags)),
    )


def empty(rng: np.random.Generator, size: tuple[int, int]) -> Small:
    """A scene or a colour with nobody in it, by lot. size: width, height in pixels."""
    cv2.setNumThreads(1)
    width, height = size[0] * LARGER, size[1] * LARGER
    if rng.random() < 0.15:
        name = str(rng.choice(list(PLAIN)))
        background = Plain(PLAIN[name], PLAIN[name], frozenset({"simple_background", f"{name}_background"}))
    else:
        scene = art.scene(str(rng.choice(sampling.training_pool().scenes)))
        zoom, across, down = float(rng.choice(ZOOMS)), rng.integers(3) / 2, float(rng.choice((1.0, 1.0, 0.5)))
        background = View(scene, fit_window(scene, width, height, zoom, across, down))
    drawn = compose([], background, width, height)
    small = cv2.resize(drawn.image, size, interpolation=cv2.INTER_AREA)
    return Small(small, (0, 0, 0, 0), tuple(sorted(drawn.tags - {"rating:safe"})), _covered(drawn.covered, size))


def _covered(covered: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    latents = (size[0] // LATENT_PX, size[1] // LATENT_PX)
    return cv2.resize(covered.astype(np.uint8) * 255, latents, interpolation=cv2.INTER_AREA)


def _own_frame(figure: art.Figure, width: int, height: int) -> Actor | None:
    """The sprite as it lies on disk, cut to the frame as img2img cuts its parents. None: it would lose its head."""
    tall, wide = figure.rgba.shape[:2]
    scale = max(width / wide, height / tall)
    if tall * scale > 1.15 * height or wide * scale > 1.3 * width:
        return None
    return Actor(figure, scale, (width - wide * scale) / 2, (height - tall * scale) / 2)


def _standing(figure: art.Figure, view: str, width: int, height: int) -> Actor:
    first, last = figure.views[view]
    last = min(last, figure.rgba.shape[0] - 2)
    actor = stand(figure, width, height, (first + last) / 2, 0.06, 0.5)
    scale = LARGER * SIZE_STEP ** round(np.log(actor.scale / LARGER) / np.log(SIZE_STEP))
    x = width / 2 - (figure.face[0] + figure.face[2]) / 2 * scale
    down, across = LATENT_PX * LARGER, TOKEN_PX * LARGER
    # Never so high that the sprite ends above the frame's lower edge.
    y = max(round(actor.y / down), -(-(height - figure.rgba.shape[0] * scale) // down)) * down
    return replace(actor, scale=scale, x=round(x / across) * across, y=y)


def numbered(number: int, seed: int = 1) -> Small:
    """The picture of that number in what the generator learns from."""
    rng = np.random.default_rng([seed, number])
    choice = choose(rng)
    size = SIZES[rng.choice(len(SIZES), p=SIZE_CHANCES)]
    return empty(rng, size) if rng.random() < EMPTY else picture(choice, (seed, number, 1), size)
