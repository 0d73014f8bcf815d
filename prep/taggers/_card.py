"""How many pictures a card's memory takes at once, and how they get there. Knows the network's sizes and no file."""

import contextlib
from collections.abc import Iterator

import numpy as np
import torch

from prep.errors import StoppedError
from prep.taggers._params import ResNetParams
from prep.tensors.device import is_out_of_memory

IN_FLIGHT = 2  # parts of a batch: while the card computes the first, the second is copied
SHARE = 4  # a quarter of the card: weights (1 GB in both precisions), cuDNN and the desktop share the rest
MOST = 64  # pictures: their float32 pixels are 3 MB each, and the host holds three batches


def card_batch(card_bytes: int, params: ResNetParams, side_px: int) -> int:
    """Pictures per batch, a power of two. It follows from the kind of card, not from what is free: two runs on one
    kind of card have the same batches, and so the same bytes.
    """
    fit = card_bytes // SHARE // picture_bytes(params, side_px)
    return min(MOST, IN_FLIGHT << max(0, fit.bit_length() - 1))


def picture_bytes(params: ResNetParams, side_px: int) -> int:
    """Of one picture's activations in float32, to which a picture beyond float16 falls back: four of the largest output
    of a stage. More than a block holds at once, by tests/taggers/test_card.py.
    """
    sides = [side_px // 4 >> place for place in range(len(params.stages))]
    return 4 * 4 * max(stage.out * side * side for stage, side in zip(params.stages, sides, strict=True))


class Transfer:
    """From the host to a card: through memory that the card itself reads, so that the host need not wait."""

    def __init__(self, device: torch.device, at_once: int, side_px: int) -> None:
        shape = (IN_FLIGHT, at_once, side_px, side_px, 3)
        self.device = device
        try:
            self.held = torch.zeros(shape, pin_memory=True)
        except RuntimeError:  # a container or WSL may allow none, or too little
            self.held = torch.zeros(shape)

    def send(self, number: int, pictures: np.ndarray) -> torch.Tensor:
        """float32 [b, S, S, 3], b at most at_once -> float32 [at_once, S, S, 3] on the card, perhaps still under way.

        number: of the part, below IN_FLIGHT. No part is sent again before the scores of its batch have been fetched.
        """
        part = self.held[number]
        part[: len(pictures)].copy_(torch.from_numpy(pictures))
        part[len(pictures) :] = 0
        return part.to(self.device, non_blocking=True)


@contextlib.contextmanager
def memory_for(pictures: int, device: torch.device) -> Iterator[None]:
    """Raises StoppedError where the card's memory runs out inside, MemoryError where the machine's does."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        if device.type != "cuda":
            raise MemoryError(str(error)) from error
        raise StoppedError(
            f"the card's memory is full: a batch of {pictures} did not fit",
            hint=f"close what else uses the card, or set tagger.batch={max(1, pictures // 2)}",
        ) from error
