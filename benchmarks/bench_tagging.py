"""Tagging with the full-size network: images a second as prep does it, in each backend that is installed, against
float32 loops of one image at a time: over the network as its published module runs it, over prep's own module, whose
activations are in place, and kohya's way, onnxruntime, if onnx and onnxruntime are installed.

    python benchmarks/bench_tagging.py [--images 64] [--rounds 2]

Writes a full-size checkpoint with made-up weights (644 MB) to a temporary folder, and for kohya's way an ONNX file of
the same size. All ways decode the same 1 MP JPEG files in turns in this one run, and the best round of each counts. The
ratios are what matters: `ratio` to the published loop, `ratio_to_module` and `ratio_to_kohya` to the others, each of
prep in torch; those in OpenVINO end in `_openvino`. The last line is JSON.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
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

WHAT = {
    "plain": "float32, one at a time, as published",
    "module": "float32, one at a time, prep's own module",
    "kohya": "float32, one at a time, onnxruntime",
    "prep": "prep in torch",
    "prep_openvino": "prep in OpenVINO",
}
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


def kohyas_loop(network: Path, folder: Path, refs: list[ImageRef]) -> float:
    """The same in onnxruntime, as sd-scripts' tag_images_by_wd14_tagger runs its taggers on a CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    return one_by_one(lambda image: torch.from_numpy(session.run(None, {"picture": image.numpy()})[0]), folder, refs)


def as_prep_does(weights: Path, folder: Path, refs: list[ImageRef], backend: str = "torch") -> float:
    """Seconds for the tag stage's own job, rows written; loading the weights is not counted, as above."""
    with tempfile.TemporaryDirectory() as out:
        ledger = Ledger.begin(Path(out))
        job = TagJob(folder, ledger, tagger_of(weights, backend), 10**8)
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


def tagger_of(weights: Path, backend: str) -> ModelRef:
    spec, options = TAGGERS.spec("deepdanbooru-v3"), TaggerOptions(device="cpu", batch=8, backend=backend)
    return ModelRef(spec, spec.name, digest_of({"model": weights}), options, (("model", str(weights)),))


def alone(way: Callable[..., float], *arguments: Any) -> float:
    """In a process of its own: neither inherits the other's memory or settings."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(way, *arguments).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = folder / "model-resnet_custom_v3.pt"
        make(weights, seed=1)
        refs = pictures(folder, arguments.images)
        ways: dict[str, tuple] = {
            "plain": (plain_loop, weights, folder, refs),
            "module": (module_loop, weights, folder, refs),
            "prep": (as_prep_does, weights, folder, refs, "torch"),
        }
        if find_spec("openvino"):
            ways["prep_openvino"] = (as_prep_does, weights, folder, refs, "openvino")
        if find_spec("onnxruntime") and find_spec("onnx"):
            import v3_in_onnx

            network = v3_in_onnx.write(folder / "v3.onnx", weights)
            ways["kohya"] = (kohyas_loop, network, folder, refs)
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(arguments.rounds):
            for way, (call, *given) in ways.items():
                seconds[way].append(alone(call, *given))
                print(f"{WHAT[way]:<45}{len(refs) / seconds[way][-1]:.2f} images/s", flush=True)
    best = {way: min(each) for way, each in seconds.items()}
    rates = {way: round(len(refs) / each, 3) for way, each in best.items()}
    ratios = {
        f"ratio{to}{of}": round(best[way] / best[f"prep{of}"], 2)
        for of in ("", "_openvino")
        for way, to in (("plain", ""), ("module", "_to_module"), ("kohya", "_to_kohya"))
        if way in best and f"prep{of}" in best
    }
    print(json.dumps({"benchmark": "tagging", "unit": "images/s", **rates, **ratios}))


if __name__ == "__main__":
    main()
