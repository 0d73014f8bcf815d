"""Drawing an order: in the thread of the lane, with the generator lent for as long as it draws."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from prep.errors import ImageError
from prep.images import covering, open_image
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.process.steps import watched
from prep.protocols import Card
from prep.service.orders import Drawn, Order, size_of
from prep.service.pictures import unreadable
from prep.service.work import Halted, Work
from prep.types import Picture
from prep.web.refused import Refused

Kept = Callable[[int, Picture, np.ndarray], None]  # (number, as drawn, uint8 [H, W, 3])


def pictures_of(order: Order, generator: ModelRef, card: Card) -> list[Picture]:
    """What is drawn for an order: one per seed. Raises Refused for what this generator cannot draw."""
    if order.sampler not in card.samplers:
        raise Refused(422, f"{card.name} has no sampler {order.sampler}", f"use one of {', '.join(card.samplers)}")
    if order.manner == "edit" and card.editing is None:
        raise Refused(422, f"{card.name} cannot edit", "use img2img")
    width, height = size_of(card, order.width, order.height)
    parent = hashlib.sha256(order.image).hexdigest() if order.image else None
    edit = order.manner == "edit"
    return [
        Picture(
            prompt=order.prompt,
            negative=order.negative,
            width=width,
            height=height,
            steps=order.steps,
            guidance=order.guidance,
            sampler="euler" if edit else order.sampler,
            strength=order.strength if order.manner in ("img2img", "edit") else None,
            parent=parent if order.manner in ("img2img", "edit") else None,
            index=0,
            generator=card.name,
            weights=generator.digest,
            precision=card.precision,
            manner="edit" if edit else "draw",
            sentence=order.sentence if card.sentences else "",
            source=order.source if edit else "",
            source_guidance=order.source_guidance if edit else 0.0,
            unchanged=card.editing.unchanged if edit and card.editing else 0.0,
            own_seed=seed,
        )
        for seed in order.seeds
    ]


def draw(
    order: Order, generator: ModelRef, card: Card, folder: Path, max_pixels: int, work: Work,
    keep: Kept = lambda *_: None, there: Sequence[int] = (),
) -> Drawn:  # fmt: skip
    """folder: for encoded prompts. keep: called with each picture as it is done. there: numbers that are not drawn
    again.

    Raises Refused, Halted; if somebody interrupts it, the pictures so far are returned.
    """
    pictures = pictures_of(order, generator, card)
    numbers: dict[str, list[int]] = {}
    for number, picture in enumerate(pictures):
        if number not in there:
            numbers.setdefault(picture.key, []).append(number)  # equal seeds are drawn once
    todo = [pictures[own[0]] for own in numbers.values()]
    finish, parents = _finish(order, pictures[0], max_pixels)
    found: dict[int, np.ndarray] = {}
    interrupted = False
    try:
        with MEMORY.lend(generator) as drawer, watched(work.step):
            work.check()
            drawer.encode(todo, folder)
            for key, pixels in drawer.draw(todo, parents, folder):
                done = finish(pixels)
                for number in numbers[key]:
                    found[number] = done
                    keep(number, pictures[number], done)
                    work.drawn()
                if len(found) < len(pictures) - len(there):
                    work.check()  # not every generator tells its steps
    except Halted as error:
        if error.why != "interrupted":
            raise
        interrupted = True
    return Drawn([found[each] for each in sorted(found)], [pictures[each] for each in sorted(found)], interrupted)


def _finish(
    order: Order, picture: Picture, max_pixels: int
) -> tuple[Callable[[np.ndarray], np.ndarray], dict[str, np.ndarray]]:
    """(what is done with each drawn picture, parents: sha256 -> uint8 [H, W, 3]). Raises Refused."""
    if order.manner == "text":
        return lambda pixels: pixels, {}
    if order.image is None:
        raise Refused(422, f"{order.manner} needs a picture", "send one")
    try:
        pixels = covering(open_image(order.image, max_pixels).pixels, picture.width, picture.height)
        parents = {hashlib.sha256(order.image).hexdigest(): pixels}
        if order.mask is None:
            return lambda drawn: drawn, parents
        mask = covering(open_image(order.mask, max_pixels).pixels, picture.width, picture.height)
        return _masked(pixels, mask, order.mask_blur), parents
    except ImageError as error:
        raise unreadable(error) from None


def _masked(image: np.ndarray, mask: np.ndarray, blur: int) -> Callable[[np.ndarray], np.ndarray]:
    """image, mask: uint8 [H, W, 3]. Where the mask is black, pixels stay the image's; blur: pixels."""
    import cv2

    share = mask.max(2).astype(np.float32) / 255
    if blur:
        share = cv2.GaussianBlur(share, (0, 0), blur)
    share = share[..., None]

    def finish(drawn: np.ndarray) -> np.ndarray:
        covered = covering(drawn, image.shape[1], image.shape[0])
        return np.rint(image * (1 - share) + covered * share).astype(np.uint8)

    return finish
