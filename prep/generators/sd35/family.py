"""How each model is used: steps, guidance, shift, sizes. From the file's header, its name, or its metadata.

Steps, guidance and skip-layer guidance are those of the model cards. A file whose shape is not a published one states
them itself, as JSON under `prep.sampling` in its metadata:
    {"steps": 16, "guidance": 3.0, "shift": 1.0, "resolution": 128, "step": 16}
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prep.documents import parse_json
from prep.errors import SettingsError, WeightsError

if TYPE_CHECKING:
    from prep.tensors.layout import Part

SAMPLERS = ("euler", "euler_a", "heun", "dpmpp_2m")  # schedulers.py makes them
PATCH_PX = 16  # 8 px per latent, 2 latents per patch
SAMPLING = "prep.sampling"
EXAMPLE = '{"steps": 16, "guidance": 3.0, "shift": 1.0, "resolution": 128, "step": 16}'


@dataclass(frozen=True)
class Family:
    name: str
    steps: int
    guidance: float  # 1 or less: off, and the negative prompt with it
    shift: float  # of the sigmas: sigma' = shift · sigma / (1 + (shift - 1) · sigma)
    resolution_px: int  # side of the square that it was trained on
    step_px: int = 64  # sizes are multiples of it
    skip_layers: tuple[int, ...] = ()  # blocks skipped for skip-layer guidance, for text-to-image only
    skip_scale: float = 2.5
    skip_start: float = 0.01  # shares of the steps
    skip_stop: float = 0.20
    published: bool = True  # SD3.5 itself; False: a small model with the same classes

    @property
    def unit_px(self) -> int:
        return math.lcm(self.step_px, PATCH_PX)

    @property
    def least_px(self) -> int:
        """The shortest side that `size_for` gives."""
        return _least(self.resolution_px, self.unit_px)

    @property
    def most_px(self) -> int:
        """The longest side that `size_for` gives."""
        return self.resolution_px**2 // self.least_px // self.unit_px * self.unit_px


SD3_LAYERS = 24  # of SD3 medium, which norms no queries
LARGE = Family("sd35-large", steps=28, guidance=4.5, shift=3.0, resolution_px=1024)
TURBO = Family("sd35-large-turbo", steps=4, guidance=0.0, shift=3.0, resolution_px=1024)
# Published with its skip-layer guidance: scale 2.5 until .20 of the steps, beside a guidance of 4 instead of 5.
MEDIUM = Family("sd35-medium", steps=40, guidance=4.0, shift=3.0, resolution_px=1024, skip_layers=(7, 8, 9))


@dataclass(frozen=True)
class Transformer:
    """What the header says about the transformer in a file or a diffusers folder."""

    family: Family
    config: dict  # of SD3Transformer2DModel
    part: "Part"


def family_of(path: Path, name: str = "") -> Family:
    """path: a safetensors file or a diffusers folder. name: of the known weights, or empty.

    Raises WeightsError: not readable, no transformer in it, or an unknown size without sampling metadata.
    """
    return read_transformer(path, name).family


def read_transformer(path: Path, name: str = "") -> Transformer:
    """Like family_of, plus what the header says."""
    from prep.generators.sd35.folder import open_folder
    from prep.generators.sd35.header import _which_model, describe
    from prep.generators.sd35.sizes import whole_config

    if path.is_dir():
        config, part = open_folder(path, "transformer")
        config = whole_config(config, str(path))
        model = _which_model(config)
    else:
        checkpoint = describe(path)
        if checkpoint.config is None:
            held = ", ".join(checkpoint.parts)
            raise WeightsError(
                f"{path.name} holds no transformer, but {held}",
                hint=f"set `generator.model` to another; this may be `generator.sd35.{next(iter(checkpoint.parts))}`",
            )
        config, part, model = checkpoint.config, checkpoint.parts["transformer"], checkpoint.model
    if config.get("qk_norm") is None and config.get("num_layers") == SD3_LAYERS:
        raise WeightsError(f"{path.name} is SD3 medium, the model before SD3.5", hint="prep draws only with SD3.5")
    if model == "sd35-medium":
        family = MEDIUM
    elif model == "sd35-large":
        # Large and turbo have the same keys and shapes.
        family = TURBO if any("turbo" in each.lower() for each in _names(path, name)) else LARGE
    else:
        family = _own_family(path, part)
    return Transformer(family, config, part)


def _names(path: Path, name: str) -> list[str]:
    """Names of these weights, and of no folder that merely contains them: in the hub's cache, the repository's."""
    names = [name, path.name]
    if path.name == "transformer" and path.is_dir():
        names.append(path.parent.name)
    for folder in path.absolute().parents:
        if folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--"):
            names.append(folder.parent.parent.name)
    if path.absolute().parent.name == "snapshots":  # the folder of a whole repository
        names.append(path.absolute().parent.parent.name)
    return names


def _own_family(path: Path, part: "Part") -> Family:
    text = next((stored.file.metadata.get(SAMPLING) for stored in part.tensors.values()), None)
    if text is None:
        raise WeightsError(
            f"{path.name} does not have the shape of a known SD3.5 model, and does not say how to use it",
            hint=f"its metadata needs the key {SAMPLING}, such as {EXAMPLE}",
        )
    try:
        found = parse_json(text)
        family = Family(
            name=path.stem,
            steps=int(found["steps"]),
            guidance=float(found["guidance"]),
            shift=float(found["shift"]),
            resolution_px=int(found["resolution"]),
            step_px=int(found["step"]),
            published=False,
        )
        sound = 1 <= family.steps <= 1000 and 0 <= family.guidance < 100 and 0 < family.shift < 100
        sound = sound and family.step_px >= 1 and family.unit_px <= family.resolution_px <= 1 << 14
    except (ValueError, KeyError, TypeError, OverflowError):
        sound = False
    if not sound:
        raise WeightsError(f"{path.name}: {SAMPLING} in its metadata is not readable", hint=f"such as {EXAMPLE}")
    return family


def size_for(width: int, height: int, resolution: int, step: int) -> tuple[int, int]:
    """(width, height) in pixels of what is drawn from a picture of this size: the bucket with the nearest aspect ratio.

    Both sides are multiples of step and of 16 and at least resolution / 2, the area is at most resolution², and no
    side could be a step longer. A picture longer than 4:1 gets the longest bucket.
    """
    unit = math.lcm(step, PATCH_PX)
    least, area = _least(resolution, unit), max(resolution, unit) ** 2
    heights = {area // side // unit * unit for side in range(least, area // least + 1, unit)}
    buckets = {(area // high // unit * unit, high) for high in heights}
    buckets |= {(wide, high) for high, wide in buckets}
    wanted = math.log(max(1, width) / max(1, height))

    def far(bucket: tuple[int, int]) -> tuple[float, int, int, int]:
        off = round(abs(math.log(bucket[0] / bucket[1]) - wanted), 9)
        return off, -bucket[0] * bucket[1], -min(bucket), bucket[0]

    return min(buckets, key=far)


def check_size(width: int, height: int) -> None:
    """Raises SettingsError naming the nearest size when a side is not a positive multiple of 16 px."""
    if width > 0 and height > 0 and width % PATCH_PX == 0 and height % PATCH_PX == 0:
        return
    nearest = [max(PATCH_PX, round(side / PATCH_PX) * PATCH_PX) for side in (width, height)]
    raise SettingsError(
        f"a picture of {width} x {height} px cannot be drawn: both sides must be divisible by {PATCH_PX}",
        hint=f"the nearest size is {nearest[0]} x {nearest[1]}",
    )


def _least(resolution: int, unit: int) -> int:
    """Half the resolution, rounded up to the next multiple."""
    return max(1, -(-resolution // (2 * unit))) * unit
