"""preprocess.json: how a picture becomes what a network takes, as a list of stages that Pillow and NumPy can do.

Read on the cards of deepghs and animetimm: pad_to_size, resize, center_crop, to_tensor, normalize. A picture is always
RGB here, so convert_rgb has nothing to do.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from prep.documents import DocumentError, read_json
from prep.errors import WeightsError

FILTERS = {each.name.lower(): each for each in Image.Resampling}
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
LISTS = ("stages", "test", "val")  # PixAI and Camie have `stages`, animetimm `test` and `val`
SIDES_PX = range(1, 4097)  # of a picture, after every stage
MOST_STAGES = 100
AGAIN = "fetch preprocess.json again"

Stage = Callable[[Image.Image], Image.Image]


class Stages:
    """From uint8 [H, W, 3], RGB, to float32 [h, w, 3]: pixels 0-1, less `mean`, over `std`."""

    def __init__(self, stages: Sequence[Stage], mean: np.ndarray, std: np.ndarray) -> None:
        """mean, std: float32, one number or one per channel; over `std`, both are finite."""
        self.stages = stages
        self.factor, self.offset = 1 / (255 * std), mean / std

    def __call__(self, image: np.ndarray) -> np.ndarray:
        picture = Image.fromarray(image)
        for stage in self.stages:
            picture = stage(picture)
        pixels = np.asarray(picture, np.float32) * self.factor
        pixels -= self.offset
        return pixels


def read_stages(path: Path) -> Stages:
    """Raises WeightsError for a file that does not read, or a stage that prep cannot do."""
    try:
        found = read_json(path, follow=True)
    except FileNotFoundError:
        raise WeightsError(f"{path.name} is missing", hint=AGAIN) from None
    except DocumentError as error:
        raise WeightsError(f"{path.name} {error}", hint=AGAIN) from None
    listed = found if isinstance(found, list) else None
    if isinstance(found, dict):
        listed = next((found[name] for name in LISTS if name in found), None)
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise WeightsError(f"{path.name} has no list of stages under {', '.join(LISTS)}", hint=AGAIN)
    if len(listed) > MOST_STAGES:
        raise WeightsError(f"{path.name} has {len(listed):,} stages; prep does {MOST_STAGES}", hint=AGAIN)
    stages: list[Stage] = []
    mean, std = np.zeros(1, np.float32), np.ones(1, np.float32)
    for number, each in enumerate(listed, 1):
        kind = each.get("type")
        try:
            if kind == "normalize":
                mean, std = _numbers(each["mean"]), _numbers(each["std"])
                with np.errstate(all="ignore"):
                    if not ((std > 0) & np.isfinite(1 / (255 * std)) & np.isfinite(mean / std)).all():
                        raise ValueError
            elif kind == "resize":
                stages.append(_resize(each))
            elif kind == "center_crop":
                stages.append(partial(_crop, size=_size(each["size"])))
            elif kind == "pad_to_size":
                background = _colour(each.get("background_color", "white"))
                filter_ = _filter(each)
                stages.append(partial(_pad, size=_size(each["size"]), background=background, filter_=filter_))
            elif kind not in ("to_tensor", "maybe_to_tensor", "convert_rgb"):
                known = "pad_to_size, resize, center_crop, to_tensor and normalize"
                raise WeightsError(f"{path.name}: stage {number} is {str(kind)[:40]!r}; prep knows {known}", hint=AGAIN)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise WeightsError(f"{path.name}: stage {number}, {kind}, has a value that is missing or cannot be used",
                               hint=AGAIN) from None  # fmt: skip
    return Stages(stages, mean, std)


def _resize(stage: Mapping[str, Any]) -> Stage:
    """A single number is the shorter side; max_size then bounds the longer one."""
    size = stage["size"]
    longest = None if stage.get("max_size") is None else _side(stage["max_size"])
    if isinstance(size, list) and len(size) == 1:
        size = size[0]
    if isinstance(size, list):
        width, height = _size(size)
        return partial(_to_size, size=(width, height), filter_=_filter(stage))
    return partial(_to_shorter, side=_side(size), longest=longest, filter_=_filter(stage))


def _to_size(picture: Image.Image, size: tuple[int, int], filter_: Image.Resampling) -> Image.Image:
    return picture if picture.size == size else picture.resize(size, filter_)


def _to_shorter(picture: Image.Image, side: int, longest: int | None, filter_: Image.Resampling) -> Image.Image:
    """Without `longest`, the middle of a picture that would become too long."""
    short = min(picture.size)
    if not longest:
        most = max(1, SIDES_PX[-1] * short // side)
        if max(picture.size) > most:
            picture = _crop(picture, (min(picture.width, most), min(picture.height, most)))
            short = min(picture.size)
    width, height = picture.size
    size = [int(side * width / short), int(side * height / short)]
    if longest and max(size) > longest:
        size = [int(longest * each / max(size)) for each in size]
    return _to_size(picture, (max(1, size[0]), max(1, size[1])), filter_)


def _crop(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle; what is missing is black."""
    left, top = ((have - want) // 2 for have, want in zip(picture.size, size, strict=True))
    return picture.crop((left, top, left + size[0], top + size[1]))


def _pad(picture: Image.Image, size: tuple[int, int], background: tuple, filter_: Image.Resampling) -> Image.Image:
    """As large as fits, in the middle of one colour."""
    width, height = picture.size
    scale = min(size[0] / width, size[1] / height)
    fitted = (max(1, round(width * scale)), max(1, round(height * scale)))
    around = Image.new("RGB", size, background)
    around.paste(_to_size(picture, fitted, filter_), ((size[0] - fitted[0]) // 2, (size[1] - fitted[1]) // 2))
    return around


def _size(given: Any) -> tuple[int, int]:
    """[height, width] or one number -> (width, height)."""
    height, width = given if isinstance(given, list) else (given, given)
    return _side(width), _side(height)


def _side(given: Any) -> int:
    if type(given) not in (int, float) or given not in SIDES_PX:
        raise ValueError
    return int(given)


def _numbers(given: Any) -> np.ndarray:
    """float32 [1] or [3]"""
    listed = given if isinstance(given, list) else [given]
    if not all(type(each) in (int, float) for each in listed):
        raise ValueError
    with np.errstate(over="ignore"):
        found = np.asarray(listed, np.float32)
    if found.shape not in ((1,), (3,)) or not np.isfinite(found).all():
        raise ValueError
    return found


def _filter(stage: Mapping[str, Any]) -> Image.Resampling:
    given = stage.get("interpolation", "bilinear")
    if type(given) is int:
        return Image.Resampling(given)
    return FILTERS[_word(given)]


def _colour(given: Any) -> tuple[int, int, int]:
    if not isinstance(given, list):
        return {"white": WHITE, "black": BLACK}[_word(given)]
    red, green, blue = given
    if not all(type(each) is int and 0 <= each <= 255 for each in given):
        raise ValueError
    return red, green, blue


def _word(given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError
    return given.lower()
