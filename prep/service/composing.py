"""The figure of a client's picture before a scene that is drawn alone, from words, and read before it is used."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from prep.captions.compose import PEOPLE, prompt_text
from prep.composites.cut import Cut, NoCut, cut_out
from prep.composites.layout import canvas_of, check_enlarged, layout_of
from prep.composites.place import composed
from prep.errors import ImageError
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.service.orders import MOST_SEED, Drawn, Order
from prep.service.pictures import unreadable
from prep.types import Picture
from prep.web.refused import Refused

SCENES = 3  # drawn per picture before it is given up
EMPTY = ("no_humans", "scenery")  # behind the words of each scene
NOBODY = "no_humans"


def figure_of(data: bytes, max_pixels: int, matting: ModelRef | None) -> Cut:
    """Raises Refused when the figure cannot be cut out."""
    try:
        found = cut_out(data, max_pixels)
        if isinstance(found, NoCut) and matting:
            with MEMORY.lend(matting) as model:
                found = cut_out(data, max_pixels, model, matting.digest)
    except ImageError as error:
        raise unreadable(error) from None
    if isinstance(found, NoCut):
        raise Refused(
            422,
            f"its figure cannot be cut out: {found.why}",
            "send it with alpha, or on a colour that the figure lacks",
        )
    return found


def compose(
    order: Order, cut: Cut, drawn: Callable[[Order], Drawn], read: Callable[[np.ndarray], Iterable[str]],
    keep: Callable[[int, Picture, np.ndarray], None], there: Sequence[int] = (),
) -> Drawn:  # fmt: skip
    """drawn: draws an order from text. read: uint8 [H, W, 3] -> the tags in it. there: numbers that are not drawn
    again. Raises Refused, Halted.
    """
    words = ", ".join(filter(None, (order.prompt, *map(prompt_text, EMPTY))))
    pictures, requests = [], []
    for number, seed in enumerate(order.seeds):
        if number in there:
            continue
        for again in range(SCENES):
            own = (seed + again) % (MOST_SEED + 1)
            scene = drawn(replace(order, manner="text", image=None, prompt=words, seeds=(own,)))
            if scene.interrupted:
                return Drawn(pictures, requests, True)
            people = [tag for tag in read(scene.pictures[0]) if tag == "solo" or PEOPLE.match(tag) and tag != NOBODY]
            if not people:
                break
        else:
            raise Refused(
                422,
                f"somebody is in each of {SCENES} scenes ({', '.join(people)})",
                "let the prompt name a place alone",
            )
        pictures.append(_set_before(cut, scene.pictures[0], own))
        drawn_as, (height, width) = scene.requests[0], pictures[-1].shape[:2]
        requests.append(replace(drawn_as, manner="composite", scene=drawn_as.key, width=width, height=height))
        keep(number, requests[-1], pictures[-1])
    return Drawn(pictures, requests)


def _set_before(cut: Cut, scene: np.ndarray, seed: int) -> np.ndarray:
    """scene: uint8 [H, W, 3] -> uint8 [H, W, 3]. Raises Refused for a figure that is too small or too large for it."""
    size = scene.shape[1::-1]
    canvas = canvas_of(size, cut.figure)
    try:
        if canvas is None:
            raise ImageError("too_small", f"its figure is too small for a scene of {size[0]}x{size[1]} px")
        check_enlarged(size, canvas)
        return composed(cut, scene, layout_of(cut.figure, canvas, seed))
    except ImageError as error:
        raise Refused(422, error.message, "send a larger version of it") from None
