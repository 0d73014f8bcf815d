"""Pictures with a figure to cut out, and a matting network of a few hundred bytes."""

import io
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

from tests.support.pictures import EXAMPLES

SPRITES = tuple(
    EXAMPLES / "characters" / f"{name}.png"
    for name in ("eileen/eileen_happy", "lucy/lucy_mad", "sylvie/sylvie_blue_smile", "sylvie/sylvie_green_smile")
)
BLUE, GREY, WHITE = (60, 120, 230), (128, 128, 128), (255, 255, 255)


def alpha_of(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)[..., 3].astype(np.float32) / 255


def flattened(path: Path, colour: tuple[int, int, int], quality: int = 85) -> bytes:
    """A sprite on this colour, as a JPEG."""
    with Image.open(path) as image:
        ground = Image.new("RGBA", image.size, (*colour, 255))
        ground.alpha_composite(image)
    stream = io.BytesIO()
    ground.convert("RGB").save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def girl_in_white(quality: int = 85, sides: int = 60) -> bytes:
    """An outlined white dress on white that the lower edge cuts off, as a JPEG of 320x400."""
    image = Image.new("RGB", (320, 400), "white")
    draw = ImageDraw.Draw(image)
    draw.polygon([(160, 120), (sides, 430), (320 - sides, 430)], fill="white", outline="black", width=3)
    draw.ellipse((120, 40, 200, 150), fill=(250, 220, 200), outline="black", width=3)
    draw.pieslice((110, 30, 210, 150), 180, 360, fill=(90, 60, 160), outline="black", width=3)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def whole_figure(
    size: tuple[int, int] = (200, 300), box: tuple[int, int, int, int] = (60, 30, 140, 280)
) -> Image.Image:
    """A figure of two colours with alpha around it."""
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle(box, 30, fill=(200, 120, 90, 255))
    draw.ellipse((box[0] + 10, box[1] + 10, box[2] - 10, box[1] + 60), fill=(60, 80, 160, 255))
    return image


def matting_onnx(path: Path, channels: int = 3, side: int | None = 64) -> Path:
    """A network that takes what is redder than it is blue for the figure: float32 [1, 3, S, S], 0-1 -> [1, 1, S, S]."""
    weights = np.zeros((1, channels, 1, 1), np.float32)
    weights[0, 0], weights[0, -1] = 60, -60
    size = side or "side"
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["img", "weights", "bias"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["mask"]),
        ],
        "matting",
        [helper.make_tensor_value_info("img", TensorProto.FLOAT, [1, channels, size, size])],
        [helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 1, size, size])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.full(1, -6, np.float32), "bias")],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path
