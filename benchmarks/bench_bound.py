"""Tagging end to end against what the cores allow, by format and size of the files, with the full-size network.

    python benchmarks/bench_bound.py [--few 8 --many 40] [--rounds 2] [--forms jpg png webp] [--megapixels 1 3]

Writes a full-size checkpoint with made-up weights (644 MB) to a temporary folder, and pictures of smooth noise. A rate
is that of `prep run SRC --to tag`: the pictures that `many` has more than `few`, over the seconds that they take more,
so that neither the start of Python nor the loading of the weights counts. The bound is that of cores which do nothing
else and never wait:

    cores / (network + decode + measures, in core-seconds per picture)

The network is timed alone with all cores, decode (read, decode, prepare) and measures (hashes, edges, sharpness) with
one. `to_bound` and `to_network` are the shares that a run reaches. All are taken in turns, and the best round of each
counts. In torch, and in OpenVINO where it is installed. The last line is JSON.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import watched
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from prep.images import measures, open_image, pixel_hash
from prep.options import TaggerOptions
from prep.system import cores
from prep.taggers._fit import fit_square
from prep.taggers.deepdanbooru import DeepDanbooru
from tests.v3.make_checkpoint import make

SAVED = {"jpg": {"quality": 90}, "png": {}, "webp": {"quality": 90}}
MEASURE_PX = 1024
SETS = ("tagger.device=cpu", "generator.model=none")


def draw(folder: Path, form: str, megapixels: int, count: int) -> Path:
    """Square pictures of smooth noise, all different."""
    side = round((megapixels * 1024 * 1024) ** 0.5)
    (folder / "mira").mkdir(parents=True)
    for number in range(count):
        coarse = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
        picture.save(folder / "mira" / f"{number:04d}.{form}", **SAVED[form])
    return folder


def run_seconds(src: Path, weights: Path, backend: str) -> float:
    """Of a first run over the folder, to the end of tagging."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "prep", "run", str(src), "--out", str(Path(out) / "set"), "--to", "tag"]
        for each in (*SETS, f"tagger.model={weights}", f"tagger.backend={backend}"):
            command += ["--set", each]
        return watched.run(command)[0]


def network_seconds(weights: Path, backend: str) -> float:
    """Of all cores, per picture: the network alone, in batches as a run gives them to it."""
    tagger = DeepDanbooru("v3", {"model": weights}, TaggerOptions(device="cpu", backend=backend))
    batch = np.random.default_rng(0).random((tagger.batch_size, 512, 512, 3), np.float32)
    tagger.scores(batch)
    found = []
    for _ in range(3):
        started = time.perf_counter()
        tagger.scores(batch)
        found.append(time.perf_counter() - started)
    return min(found) / len(batch)


def alone(call: Callable[..., float], *arguments: object) -> float:
    """In a process of its own, which leaves its memory behind."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(call, *arguments).result()


def picture_seconds(src: Path) -> tuple[float, float]:
    """Of one core, per picture: (decode, measures)."""
    import cv2

    cv2.setNumThreads(1)
    decode, measure = [], []
    for path in sorted(src.glob("*/*")):
        started = time.thread_time()
        data = path.read_bytes()
        pixels = open_image(data).pixels
        fit_square(pixels, 512)
        decoded = time.thread_time()
        hashlib.sha256(data)
        pixel_hash(pixels)
        measures(pixels, MEASURE_PX)
        decode.append(decoded - started)
        measure.append(time.thread_time() - decoded)
    return float(np.median(decode)), float(np.median(measure))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--few", type=int, default=8)
    parser.add_argument("--many", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--forms", nargs="+", choices=SAVED, default=[*SAVED])
    parser.add_argument("--megapixels", nargs="+", type=int, default=[1, 3])
    arguments = parser.parse_args()
    backends = ["torch", *(["openvino"] if find_spec("openvino") else [])]
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        weights = Path(name) / "model-resnet_custom_v3.pt"
        make(weights, seed=1)
        for form in arguments.forms:
            for megapixels in arguments.megapixels:
                folder = Path(name) / f"{form}-{megapixels}"
                few = draw(folder / "few", form, megapixels, arguments.few)
                many = draw(folder / "many", form, megapixels, arguments.many)
                for backend in backends:
                    label = f"{form}_{megapixels}mp_{backend}"
                    figures[label] = compared(few, many, weights, backend, arguments)
                    print(
                        f"{label:<22}" + "  ".join(f"{key} {value}" for key, value in figures[label].items()),
                        flush=True,
                    )
    print(json.dumps({"benchmark": "bound", "unit": "images/s", "cores": cores(), **figures}))


def compared(few: Path, many: Path, weights: Path, backend: str, arguments: argparse.Namespace) -> dict[str, float]:
    short, long, network = [], [], []
    for _ in range(arguments.rounds):
        network.append(alone(network_seconds, weights, backend))
        short.append(run_seconds(few, weights, backend))
        long.append(run_seconds(many, weights, backend))
    rate = (arguments.many - arguments.few) / (min(long) - min(short))
    decode, measure = picture_seconds(many)
    bound = cores() / (cores() * min(network) + decode + measure)
    return {
        "rate": round(rate, 3),
        "network": round(1 / min(network), 3),
        "bound": round(bound, 3),
        "to_bound": round(rate / bound, 3),
        "to_network": round(rate * min(network), 3),
        "decode_ms": round(1000 * decode, 1),
        "measures_ms": round(1000 * measure, 1),
    }


if __name__ == "__main__":
    main()
