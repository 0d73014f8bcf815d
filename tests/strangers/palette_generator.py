"""A generator of another family: stripes in the colours of a palette, or in those of a parent. No weights to speak of.

Its file is a text of colours, one `#rrggbb` a line. Steps are the number of stripes, guidance is not used.
A package adds it with one entry point: `palette = "its_module:SPEC"` in the group `prep.generators`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from prep.errors import UsageError, WeightsError
from prep.options import GeneratorOptions
from prep.registry import ModelSpec
from prep.types import Picture


class PaletteOptions(GeneratorOptions):
    """[generator.palette] of the settings."""

    noise: Annotated[int, Field(ge=0, le=60)] = 12  # deviation, of 255
    more: list[Annotated[str, Field(pattern="^#[0-9a-f]{6}$")]] = []  # colours beside those of the file


@dataclass(frozen=True)
class PaletteCard:
    """Implements prep.types.Card."""

    name: str
    precision: str
    steps: int = 5
    guidance: float = 1.0
    samplers: tuple[str, ...] = ("columns", "rows")
    quality: str = ""
    negative: str = ""
    sentences: bool = False
    editing: None = None

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Two sizes are all it knows: tall, and wide."""
        return (64, 96) if height >= width else (96, 64)


class PaletteGenerator:
    """Implements prep.types.Generator."""

    def __init__(self, name: str, files: Mapping[str, Path], options: PaletteOptions) -> None:
        self.options = options
        try:
            lines = [*files["model"].read_text().split(), *options.more]
            self.colours = np.array([list(bytes.fromhex(line.removeprefix("#"))) for line in lines], float)
        except ValueError as error:
            raise WeightsError(f"{files['model'].name} is no palette", hint="one #rrggbb a line") from error
        # What shapes a picture is in its precision, and so in its key; the device is not, since it changes nothing.
        self.card = PaletteCard(name, f"uint8/noise{options.noise}{''.join(options.more)}")
        self.drawn = 0

    @property
    def notes(self) -> dict:
        return {"colours": len(self.colours), "drawn": self.drawn}

    def encode(self, pictures: Sequence[Picture], kept: Path) -> None:
        """Nothing is encoded: prompts do nothing here but seed."""

    def draw(
        self, pictures: Sequence[Picture], parents: Mapping[str, np.ndarray], kept: Path
    ) -> Iterator[tuple[str, np.ndarray]]:
        for picture in pictures:
            if picture.strength is not None and picture.parent not in parents:
                raise UsageError(f"the picture that {picture.key} is drawn from was not given")
        for picture in pictures:
            self.drawn += 1
            yield picture.key, self._drawn(picture, parents)

    def close(self) -> None:
        """It holds nothing."""

    def _drawn(self, picture: Picture, parents: Mapping[str, np.ndarray]) -> np.ndarray:
        rng = np.random.default_rng(picture.seed)
        stripes = self.colours[rng.integers(0, len(self.colours), picture.steps)]
        across = picture.width if picture.sampler == "columns" else picture.height
        line = stripes[np.arange(across) * picture.steps // across]
        pixels = np.broadcast_to(line[None] if picture.sampler == "columns" else line[:, None], self._shape(picture))
        if picture.strength is not None:
            parent = parents[picture.parent]
            rows = np.arange(picture.height) * parent.shape[0] // picture.height
            columns = np.arange(picture.width) * parent.shape[1] // picture.width
            pixels = picture.strength * pixels + (1 - picture.strength) * parent[rows][:, columns]
        noise = rng.normal(0, self.options.noise, (picture.height, picture.width, 1))
        return np.clip(pixels + noise, 0, 255).astype(np.uint8)

    def _shape(self, picture: Picture) -> tuple[int, int, int]:
        return picture.height, picture.width, 3


SPEC = ModelSpec("palette", "generator", f"{__name__}:PaletteGenerator", options=f"{__name__}:PaletteOptions")
