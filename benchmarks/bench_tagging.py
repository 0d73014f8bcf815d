"""Tagging with the full-size network: images a second as prep does it, against two float32 loops of one image at a
time: over the network as its published module runs it, and over prep's own module, whose activations are in place.

    python benchmarks/bench_tagging.py [--images 64]

Writes a full-size checkpoint with made-up weights (644 MB) to a temporary folder. All ways decode the same 1 MP
JPEG files in this one run; the ratios are what counts: `ratio` to the published loop, `ratio_to_module` to the other.
The last line is JSON.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from plain_v3 import plain_scores

from prep.images import open_image
from prep.jobs.tag import TAG, TagJob
from prep.ledger import Ledger
from prep.models.hashes import digest_of
from prep.models.ref import ModelRef
from prep.options import TaggerOptions
from prep.process.heap import keep_freed_memory, own_this_process
from prep.taggers import TAGGERS
from prep.taggers._checkpoint import read_checkpoint
from prep.taggers._fit import fit_square
from prep.taggers._resnet import ResNet
from prep.types import ImageRef
from tests.v3.make_checkpoint import make

EXPECTED = Path(__file__).parent.parent / "tests" / "v3" / "expected-seed1.npz"


def pictures(folder: Path, count: int) -> list[ImageRef]:
    """1 MP JPEGs of smooth noise."""
    import hashlib

    rng = np.random.default_rng(0)
    refs = []
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
        path = folder / f"{number:03d}.jpg"
        coarse.resize((1024, 1024), Image.Resampling.BICUBIC).save(path, quality=90)
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        refs.append(ImageRef(digest, path.name, "x", 1024, 1024, "jpg", len(data), 0.1, 50.0, "0", ()))
    return refs


def plain_loop(weights: Path, folder: Path, refs: list[ImageRef]) -> float:
    """Seconds for one image after the other through the float32 network, as published."""
    state = read_checkpoint(weights).state
    return one_by_one(lambda image: plain_scores(state, image), folder, refs)


def module_loop(weights: Path, folder: Path, refs: list[ImageRef]) -> float:
    """The same through prep's own module, as torch runs it unasked."""
    checkpoint = read_checkpoint(weights)
    network = ResNet(checkpoint.params).eval()
    network.load_state_dict(checkpoint.state)
    return one_by_one(network, folder, refs)


def one_by_one(network: Callable[[torch.Tensor], torch.Tensor], folder: Path, refs: list[ImageRef]) -> float:
    with torch.inference_mode(), np.load(EXPECTED) as expected:
        probe = np.random.default_rng(int(expected["probe_0"])).random((1, 512, 512, 3), np.float32)
        assert np.abs(network(torch.from_numpy(probe))[0].numpy() - expected["probs_0"]).max() < 1e-4
        started = time.perf_counter()
        for ref in refs:
            image = fit_square(open_image((folder / ref.path).read_bytes()).pixels, 512)
            network(torch.from_numpy(image)[None])
        return time.perf_counter() - started


def as_prep_does(weights: Path, folder: Path, refs: list[ImageRef]) -> float:
    """Seconds for the tag stage's own job, rows written; loading the weights is not counted, as above."""
    with tempfile.TemporaryDirectory() as out:
        ledger = Ledger.begin(Path(out))
        job = TagJob(folder, ledger, tagger_of(weights), 10**8)
        own_this_process()  # as a command does, so that the heap is kept for a job that asks for it
        keep_freed_memory()
        job.open("main")
        job.reader.tagger.scores(np.zeros((job.reader.batch_size, 512, 512, 3), np.float32))
        started = time.perf_counter()
        assert not [outcome for outcome in job.run(refs) if outcome.problem]
        job.close()
        seconds = time.perf_counter() - started
        assert len(ledger.table(TAG)) == len(refs)
    return seconds


def tagger_of(weights: Path) -> ModelRef:
    spec, options = TAGGERS.spec("deepdanbooru-v3"), TaggerOptions(device="cpu", batch=8)
    return ModelRef(spec, spec.name, digest_of({"model": weights}), options, (("model", str(weights)),))


def alone(way: Callable[..., float], *arguments: Any) -> float:
    """In a process of its own: neither inherits the other's memory or settings."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(way, *arguments).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=64)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = folder / "model-resnet_custom_v3.pt"
        make(weights, seed=1)
        refs = pictures(folder, arguments.images)
        plain = alone(plain_loop, weights, folder, refs)
        module = alone(module_loop, weights, folder, refs)
        quick = alone(as_prep_does, weights, folder, refs)
    rates = {"plain": len(refs) / plain, "module": len(refs) / module, "prep": len(refs) / quick}
    print(f"float32, one at a time, as published:      {rates['plain']:.2f} images/s")
    print(f"float32, one at a time, prep's own module: {rates['module']:.2f} images/s")
    print(f"prep:                                      {rates['prep']:.2f} images/s")
    told = {name: round(rate, 3) for name, rate in rates.items()}
    ratios = {"ratio": round(plain / quick, 2), "ratio_to_module": round(module / quick, 2)}
    print(json.dumps({"benchmark": "tagging", "unit": "images/s", **told, **ratios}))


if __name__ == "__main__":
    main()
