"""Pictures that the starter generator really draws, from seeds: by img2img from parents on and off its grid, by an edit
where it can, and from text. What training and labelling of the witness see of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from prep.generators.sd35.generator import SD35
from prep.generators.sd35.options import SD35Options
from prep.types import GenerationRequest
from starter_training import recolour, sampling, words
from starter_training.small import SIZE_CHANCES, SIZES, Choice, Small, choose, picture

AT_ONCE = 64  # requests
OFF_GRID_PX = 9  # the most that a parent is moved
WAYS = ("img2img", "edit", "text")


@dataclass(frozen=True)
class Drawn:
    """image: uint8 [H, W, 3], RGB; meant: composes what was asked for at the same size, once with each expression; way:
    of WAYS; strength 0-1."""

    image: np.ndarray
    meant: Callable[[], tuple[Small, ...]]
    way: str
    strength: float | None
    number: int  # of those that were asked for: they come in another order


def off_grid(small: Small, rng: np.random.Generator) -> Small:
    """The same picture moved and enlarged a little: its figure is no longer where the generator's figures stand."""
    height, width = small.image.shape[:2]
    scale = rng.uniform(1.02, 1.3)
    middle_x, middle_y = (small.face[0] + small.face[2]) / 2, (small.face[1] + small.face[3]) / 2
    turn = cv2.getRotationMatrix2D((middle_x, middle_y), 0, scale)
    turn[:, 2] += rng.uniform(-OFF_GRID_PX, OFF_GRID_PX, 2)
    image = cv2.warpAffine(small.image, turn, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    corners = turn @ np.array([[small.face[0], small.face[2]], [small.face[1], small.face[3]], [1, 1]], float)
    face = (*corners[:, 0], *corners[:, 1])
    covers = cv2.resize(small.figure, (width, height), interpolation=cv2.INTER_LINEAR)
    covers = cv2.warpAffine(covers, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    covers = cv2.resize(covers, small.figure.shape[::-1], interpolation=cv2.INTER_AREA)
    return Small(image, tuple(round(side) for side in face), small.tags, covers)


def drawn(
    model: Path, way: str, numbers: range, seed: int, strengths: tuple[float, float] = (0.6, 0.9), shifted: float = 1.0
) -> Iterator[Drawn]:
    """One picture per number, always the same. strengths: least and most. shifted: share of parents off the grid.

    The prompt asks for what another picture of the same outfit shows: another expression, and mostly another place.
    Raises WeightsError for a file that is no generator; ValueError for a way that it has not.
    """
    generator = SD35(model.stem, {"model": model}, SD35Options(batch=4))
    if way not in WAYS or (way == "edit" and not generator.card.editing):
        raise ValueError(f"{model.name} has no way to draw called {way}")
    with TemporaryDirectory() as kept:
        for at in range(numbers.start, numbers.stop, AT_ONCE):
            pixels, meant, asked = {}, {}, {}
            for number in range(at, min(at + AT_ONCE, numbers.stop)):
                parent, compose, request = _request(generator, way, number, seed, strengths, shifted)
                pixels[request.parent or str(number)] = parent.image
                meant[request.key], asked[request.key] = compose, request
            for key, image in generator.draw([*asked.values()], pixels, Path(kept)):
                request = asked[key]
                yield Drawn(image, meant[key], way, request.strength, request.index)
    generator.close()


def _request(
    generator: SD35, way: str, number: int, seed: int, strengths, shifted
) -> tuple[Small, Callable[[], tuple[Small, ...]], GenerationRequest]:
    rng = np.random.default_rng((seed, number))
    size = SIZES[rng.choice(len(SIZES), p=SIZE_CHANCES)]
    choice = choose(rng)
    parent = picture(choice, (seed, number, 1), size)
    target = _like(choice, rng)
    tags = picture(target, (seed, number, 2), size).tags
    moved = int(rng.integers(2**32)) if way != "text" and rng.random() < shifted else None
    if moved is not None:
        parent = off_grid(parent, np.random.default_rng(moved))
    strength = round(float(rng.uniform(*strengths)), 2)
    guidance, more = generator.card.guidance, {}
    if way == "edit":
        guidance = generator.card.editing.target
        more = {"manner": "edit", "source": _prompt(parent.tags), "source_guidance": generator.card.editing.source}
        more |= {"unchanged": generator.card.editing.unchanged}
    request = GenerationRequest(
        kind="augmentation",
        character="",
        prompt=_prompt(tags),
        negative=", ".join(words.NEGATIVE),
        width=size[0],
        height=size[1],
        steps=generator.card.steps,
        guidance=guidance,
        sampler="euler",
        strength=None if way == "text" else strength,
        parent=None if way == "text" else f"{seed}-{number}",
        index=number,
        asked=tags,
        changes=(),
        generator="starter",
        weights="",
        precision="",
        **more,
    )
    return parent, partial(_meant, target, (seed, number, 2), size, moved), request


def _like(choice: Choice, rng: np.random.Generator) -> Choice:
    """Another expression of the same outfit and view, in another place three times of four."""
    while True:
        other = choose(rng)
        if other.outfit == choice.outfit:
            place = choice.place if rng.random() < 0.25 else other.place
            return Choice(choice.outfit, other.face, other.mouth, choice.view, place)


def _meant(choice: Choice, seed: tuple[int, ...], size: tuple[int, int], moved: int | None) -> tuple[Small, ...]:
    """moved: the lot by which the parent was moved off the grid, if it was."""
    found = (picture(one, seed, size) for one in expressions(choice))
    return tuple(found if moved is None else (off_grid(one, np.random.default_rng(moved)) for one in found))


def expressions(choice: Choice) -> list[Choice]:
    """The same with each expression that was trained on."""
    faces = [face for outfit, face in sampling.training_pool().faces if outfit == choice.outfit]
    return [replace(choice, face=face, mouth=mouth) for face in faces for mouth in ("", *recolour.MOUTHS)]


def _prompt(tags: tuple[str, ...]) -> str:
    return ", ".join((*words.QUALITY, *(tag.replace("_", " ") for tag in tags)))
