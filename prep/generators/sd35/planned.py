"""Stands for weights that are still to be fetched: what would be drawn is told before 15 GB are here. No torch."""

from dataclasses import dataclass

from prep.errors import SettingsError
from prep.generators.sd35.family import LARGE, MEDIUM, TURBO, Family, size_for

FAMILIES = {"sd35-large-fp8": LARGE, "sd35-large-turbo-fp8": TURBO, "sd35-medium": MEDIUM}


@dataclass(frozen=True)
class Planned:
    """As prep.types.Generator, but it cannot draw: seeds and keys follow from the weights, too."""

    name: str
    family: Family
    resolution: int
    precision: str = ""

    @property
    def steps(self) -> int:
        return self.family.steps

    @property
    def guidance(self) -> float:
        return self.family.guidance

    def size(self, width: int, height: int) -> tuple[int, int]:
        return size_for(width, height, self.resolution or self.family.resolution_px, self.family.step_px)


def planned(name: str, resolution: int) -> Planned:
    """Raises SettingsError for weights of which nothing is known until they are here."""
    if name not in FAMILIES:
        raise SettingsError(f"{name} is not here, and what it would draw is told by its file", hint="fetch it first")
    return Planned(name, FAMILIES[name], resolution)
