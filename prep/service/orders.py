"""What to draw, as a client asks for it, and what came of it. Plain data."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from prep.protocols import Card
from prep.types import Picture

MOST_SEED = 2**32 - 1
UNIT_PX = 16  # what both sides are multiples of
SMALLEST, LARGEST = 0.25, 2.25  # the area that is drawn as asked for, as multiples of the model's own


@dataclass(frozen=True, kw_only=True)
class Order:
    prompt: str
    negative: str = ""
    sentence: str = ""  # for T5, where the model reads sentences; empty: the prompt
    width: int
    height: int
    steps: int
    guidance: float
    sampler: str  # one of the generator's own
    seeds: tuple[int, ...]  # one per picture, 0 to MOST_SEED
    manner: Literal["text", "img2img", "edit", "composite"] = "text"
    image: bytes | None = None  # a picture file; of all manners but text
    mask: bytes | None = None  # a picture file, of img2img: white is drawn anew, elsewhere pixels stay the image's
    mask_blur: int = 4  # pixels
    strength: float | None = None  # of img2img and edit, 0-1
    source: str = ""  # of an edit: a prompt for what the image shows
    source_guidance: float = 0.0  # of an edit


@dataclass(frozen=True)
class Drawn:
    pictures: list[np.ndarray]  # uint8 [H, W, 3], RGB
    requests: list[Picture]  # as drawn
    interrupted: bool = False  # fewer pictures than were asked for


@dataclass(frozen=True)
class Progress:
    """What is being drawn now; id is empty when nothing is."""

    id: str = ""
    picture: int = 0  # done
    pictures: int = 0
    step: int = 0  # of the pictures at work
    steps: int = 0
    started: float = 0.0  # time.monotonic()
    waiting: int = 0  # behind it

    @property
    def share(self) -> float:
        """0-1"""
        if not self.pictures:
            return 0.0
        return min(1.0, (self.picture + (self.step / self.steps if self.steps else 0.0)) / self.pictures)


def size_of(card: Card, width: int, height: int) -> tuple[int, int]:
    """The size in pixels that is drawn: as asked for, rounded, where the model can draw it; else its nearest own."""
    own = card.size(1, 1)
    asked = tuple(max(UNIT_PX, round(side / UNIT_PX) * UNIT_PX) for side in (width, height))
    share = asked[0] * asked[1] / (own[0] * own[1])
    longest = 2 * max(own)
    if SMALLEST <= share <= LARGEST and max(asked) <= longest and max(asked) <= 4 * min(asked):
        return asked
    return card.size(width, height)


def picture_fields(file: str, picture: Picture, manner: str, width: int, height: int) -> dict[str, Any]:
    """What a client gets about a drawn picture. file: its path in the job's folder; width, height: its own, pixels."""
    return {
        "file": file, "manner": manner, "prompt": picture.prompt, "negative": picture.negative, "seed": picture.seed,
        "width": width, "height": height, "steps": picture.steps, "guidance": picture.guidance,
        "sampler": picture.sampler, "strength": picture.strength,
    }  # fmt: skip
