"""Which pictures may be drawn in one batch. No torch."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from prep.types import Picture


def texts_of(picture: Picture) -> list[str]:
    return [picture.prompt, picture.negative] if picture.guidance > 1 else [picture.prompt]


def alike_key(picture: Picture, by_prompt: bool) -> tuple:
    size = picture.width, picture.height
    how = picture.steps, picture.guidance, picture.sampler, -1.0 if picture.strength is None else picture.strength
    return (*size, *how, picture.weights, *((picture.prompt, picture.negative) if by_prompt else ()))


def alike(pictures: Sequence[Picture], by_prompt: bool) -> Iterator[list[Picture]]:
    """Pictures that may share a batch, in their order."""

    def key(picture: Picture) -> tuple:
        return alike_key(picture, by_prompt)

    for _, alike in groupby(sorted(pictures, key=key), key=key):
        yield list(alike)


def in_parts(pictures: list[Picture], most: int) -> list[list[Picture]]:
    """The last one first, as on a stack."""
    return [pictures[start : start + most] for start in range(0, len(pictures), most)][::-1]
