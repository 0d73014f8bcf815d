"""What one picture of 1 MP costs: core-milliseconds by kind of work, and what DeepDanbooru asks of a card.

    python benchmarks/picture_costs.py [--pictures 24] [--rounds 3]

The pictures are the art of examples/, scaled to 1 MP and saved as jpg, webp and png. Milliseconds are the CPU time of
all threads (libwebp has two), from the round with the smallest sum. The card's figures are computed: no card is used.
docs/SCALE.md has what follows from them. The last line is JSON.
"""

import argparse
import hashlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from prep.images import encode_png, fitted, measures, open_image, pixel_hash
from prep.taggers._fit import fit_square
from prep.taggers._params import V3

ROOT = Path(__file__).parent.parent
SAVED = {"jpg": {"format": "JPEG", "quality": 90}, "webp": {"format": "WEBP", "quality": 90}, "png": {"format": "PNG"}}
PIXELS, SIDE_PX, MEASURE_PX = 1024 * 1024, 512, 1024
# An H100 SXM, as published: dense float16 products, and memory.
FLOPS, BYTES = 989e12, 3.35e12
HALF = 2  # bytes of a float16


def art(count: int) -> list[Image.Image]:
    folder = ROOT / "examples" / "characters"
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".png", ".jpg", ".webp"))
    found = []
    for number in range(count):
        picture = Image.open(paths[number % len(paths)]).convert("RGB")
        scale = (PIXELS / (picture.width * picture.height)) ** 0.5
        size = (round(picture.width * scale), round(picture.height * scale))
        found.append(picture.resize(size, Image.Resampling.LANCZOS))
    return found


def stages_ms(path: Path) -> list[float]:
    """Of one file: read, sha256, decode, measures, fit."""
    times = [time.process_time()]
    data = path.read_bytes()
    times.append(time.process_time())
    hashlib.sha256(data).hexdigest()
    times.append(time.process_time())
    pixels = open_image(data).pixels
    times.append(time.process_time())
    pixel_hash(pixels)
    measures(pixels, MEASURE_PX)
    times.append(time.process_time())
    fit_square(pixels, SIDE_PX)
    times.append(time.process_time())
    return [1000 * (after - before) for before, after in pairwise(times)]


def by_format(pictures: list[Image.Image], rounds: int, folder: Path) -> dict[str, dict[str, float]]:
    found = {}
    for name, options in SAVED.items():
        paths = [folder / f"{number}.{name}" for number in range(len(pictures))]
        for path, picture in zip(paths, pictures, strict=True):
            stream = io.BytesIO()
            picture.save(stream, **options)
            path.write_bytes(stream.getvalue())
        best = min((np.mean([stages_ms(path) for path in paths], 0) for _ in range(rounds)), key=np.sum)
        found[name] = dict(zip(("read", "sha256", "decode", "measures", "fit"), best.round(2).tolist(), strict=True))
        found[name]["mb"] = round(sum(path.stat().st_size for path in paths) / len(paths) / 1e6, 2)
    return found


def least_ms(call: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        times.append(1000 * (time.process_time() - began))
    return round(min(times), 2)


def on_a_card(fused: bool) -> dict[str, float]:
    """DeepDanbooru v3 in float16. Each kernel takes as long as its products or its bytes, whichever is slower.

    fused: whether padding, additions and ReLUs are part of the convolutions; torch runs each as a kernel of its own.
    """
    kernels: list[tuple[float, float]] = []  # (FLOP, numbers read and written)

    def conv(channels: int, out: int, kernel: int, side: int, side_out: int) -> None:
        numbers = channels * side**2 + out * side_out**2
        kernels.append((2 * channels * out * kernel**2 * side_out**2, numbers))

    def each(passes: float, channels: int, side: int) -> None:
        kernels.append((0, passes * channels * side**2))

    side = SIDE_PX // 2
    conv(3, V3.stem, 7, SIDE_PX, side)
    each(1.25 if fused else 3.25, V3.stem, side)  # ReLU, pooling
    side, channels = side // 2, V3.stem
    for place, stage in enumerate(V3.stages):
        for index in range(stage.blocks):
            out = side // 2 if index == 0 and place else side
            conv(channels, stage.width, 1, side, side)
            conv(stage.width, stage.width, 3, side, out)
            conv(stage.width, stage.out, 1, out, out)
            if index == 0:
                conv(channels, stage.out, 1, side, out)
            if fused:
                each(1, stage.out, out)  # the shortcut is read
            else:
                each(2 if out == side else 4, stage.width, side)  # ReLU, padding
                each(2, stage.width, out)
                each(5, stage.out, out)  # addition, ReLU
            side, channels = out, stage.out
    seconds = sum(max(flop / FLOPS, HALF * numbers / BYTES) for flop, numbers in kernels)
    return {
        "gflop": round(sum(flop for flop, _ in kernels) / 1e9, 1),
        "mb": round(sum(HALF * numbers for _, numbers in kernels) / 1e6),
        "ms": round(1000 * seconds, 3),
        "images_per_s": round(1 / seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    pictures = art(arguments.pictures)
    with tempfile.TemporaryDirectory() as name:
        figures: dict[str, object] = dict(by_format(pictures, arguments.rounds, Path(name)))
    small = [fitted(np.asarray(each), SIDE_PX) for each in pictures]
    along = least_ms(lambda: np.stack([fit_square(each, SIDE_PX) for each in small]), arguments.rounds)
    figures["read_along_ms"] = round(along / len(small), 2)
    figures["encode_png_ms"] = least_ms(lambda: encode_png(np.asarray(pictures[0])), arguments.rounds)
    figures |= {"card_eager": on_a_card(fused=False), "card_fused": on_a_card(fused=True)}
    for label, found in figures.items():
        print(f"{label:<14} {found}")
    print(json.dumps({"benchmark": "picture costs", **figures}))


if __name__ == "__main__":
    main()
