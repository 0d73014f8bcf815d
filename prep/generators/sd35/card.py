"""What is known of an SD3.5 before its weights are read, or even fetched. No torch."""

from dataclasses import dataclass

from prep.errors import SettingsError
from prep.generators.sd35.family import LARGE, MEDIUM, SAMPLERS, TURBO, Family, size_for
from prep.generators.sd35.options import SD35Options
from prep.generators.words import ANIME_NEGATIVE, ANIME_QUALITY, SD35_NEGATIVE, SD35_QUALITY
from prep.types import Editing

EDITING = Editing(0.66, 3.5, 13.5)  # of SD3, in the paper on FlowEdit: 33 of 50 steps
# Of the starter, the best of nine in 24 edits each; `unchanged` by eye, in 24 others. No edit of SD3.5 was looked at.
SMALL_EDITING = Editing(0.9, 1.5, 5.0, unchanged=0.3)
FAMILIES = {"sd35-large-fp8": LARGE, "sd35-large-turbo-fp8": TURBO, "sd35-medium": MEDIUM}


@dataclass(frozen=True)
class SD35Card:
    """A prep.protocols.Card. Its family says how it is used."""

    name: str
    family: Family
    resolution: int  # pixels; 0: the family's own
    precision: str = ""
    samplers: tuple[str, ...] = SAMPLERS
    sentences: bool = False  # whether T5 is used, which reads them

    @property
    def editing(self) -> Editing | None:
        """Turbo has no guidance, so nothing pulls an edit away from its source."""
        if self.family.guidance <= 1:
            return None
        return EDITING if self.family.published else SMALL_EDITING

    @property
    def quality(self) -> str:
        return SD35_QUALITY if self.family.published else ANIME_QUALITY

    @property
    def negative(self) -> str:
        return SD35_NEGATIVE if self.family.published else ANIME_NEGATIVE

    @property
    def steps(self) -> int:
        return self.family.steps

    @property
    def guidance(self) -> float:
        return self.family.guidance

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) in px of what is drawn from a picture of this size."""
        return size_for(width, height, self.resolution or self.family.resolution_px, self.family.step_px)


def absent(name: str, options: SD35Options) -> SD35Card:
    """The card of weights that are not fetched yet; their precision follows from the file.

    Raises SettingsError for weights that nothing is known of before they are fetched.
    """
    if name not in FAMILIES:
        raise SettingsError(
            f"{name} is not on this machine, and only its file says what it draws", hint="fetch it first"
        )
    # With T5, a run requires its file: in the model's own, or named by `generator.sd35.t5`.
    return SD35Card(name, FAMILIES[name], options.resolution, sentences=options.with_t5)
