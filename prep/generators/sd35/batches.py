"""Which requests may be drawn together. No torch."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from prep.types import GenerationRequest


def texts_of(request: GenerationRequest) -> list[str]:
    return [request.prompt, request.negative] if request.guidance > 1 else [request.prompt]


def alike_key(request: GenerationRequest, by_prompt: bool) -> tuple:
    size = request.width, request.height
    how = request.steps, request.guidance, request.sampler, -1.0 if request.strength is None else request.strength
    return (*size, *how, request.weights, *((request.prompt, request.negative) if by_prompt else ()))


def alike(requests: Sequence[GenerationRequest], by_prompt: bool) -> Iterator[list[GenerationRequest]]:
    """Requests that may share a batch, in their order."""

    def key(request: GenerationRequest) -> tuple:
        return alike_key(request, by_prompt)

    for _, alike in groupby(sorted(requests, key=key), key=key):
        yield list(alike)


def in_parts(requests: list[GenerationRequest], most: int) -> list[list[GenerationRequest]]:
    """The last one first, as a stack has them."""
    return [requests[start : start + most] for start in range(0, len(requests), most)][::-1]
