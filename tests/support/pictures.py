"""Small true files to test with: drawings, sprites, damaged images; a real network of a few kilobytes."""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from prep.taggers._checkpoint import write_checkpoint
from prep.taggers._params import ResNetParams, Stage
from prep.taggers._resnet import ResNet

EXAMPLES = Path(__file__).parents[2] / "examples"

TAGS = (
    "1girl", "solo", "long_hair", "blue_hair", "hair", "smile", "shirt", "white_shirt", "comic", "fate_(series)", "^_^",
    "looking_at_viewer", "outdoors", "rating:safe", "rating:questionable", "rating:explicit",
)  # fmt: skip


def drawing(seed: int, width: int = 320, height: int = 400) -> Image.Image:
    """A figure of its own for each seed: shapes, colours and some texture."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), tuple(int(value) for value in rng.integers(100, 256, 3)))
    draw = ImageDraw.Draw(image)
    for _ in range(30):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        w, h = int(rng.integers(4, width // 2)), int(rng.integers(4, height // 2))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)((x, y, x + w, y + h), fill=colour, outline="black")
    return image


def save(image: Image.Image, path: Path, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def folder_of(root: Path, **characters: int) -> Path:
    """root/<character>/<n>.png, as many as asked, all different."""
    for place, (character, count) in enumerate(characters.items()):
        for number in range(count):
            save(drawing(1000 * place + number), root / character / f"{number:03d}.png")
    return root


def tiny_checkpoint(path: Path, seed: int = 0, tags: tuple[str, ...] = TAGS) -> Path:
    """A tagger of the real class and file form, 64 px, whose answers differ from picture to picture."""
    torch.manual_seed(seed)
    network = ResNet(ResNetParams(8, (Stage(8, 16, 1), Stage(8, 32, 1)), len(tags)))
    with torch.no_grad():
        network.head.weight.mul_(60)
    write_checkpoint(path, network.state_dict(), tags, 64)
    return path
