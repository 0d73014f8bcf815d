"""Tagging with a tagger in ONNX of WD SwinV2's cost: pictures a second as prep does it, from files to stored scores, in
onnxruntime and, if it is installed, in OpenVINO, against the session alone on pictures that are ready, and against a
loop like that of sd-scripts' tag_images_by_wd14_tagger (one process: Pillow, OpenCV, a batch, session.run).

    python benchmarks/bench_wd.py [--images 24] [--rounds 2]

Writes a network with made-up weights (0.4 GB) to a temporary folder; benchmarks/wd_full_size.py says what it is. All
ways take the same 1 MP JPEGs, in turns, and the best round of each counts. The ratios are what matters: `ratio` is
prep's rate over the session's, `ratio_to_loop` over the loop's, `ratio_to_loop_openvino` that in OpenVINO over the
loop's. The last line is JSON.
"""

import argparse
import json
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

import wd_full_size
from bench_tagging import alone, pictures

from prep.images import open_image
from prep.jobs.tag import TAG, TagJob
from prep.ledger import Ledger
from prep.models.hashes import digest_of
from prep.models.ref import ModelRef
from prep.options import TaggerOptions
from prep.process.heap import keep_freed_memory, own_this_process
from prep.taggers import TAGGERS
from prep.taggers.wd import Wd
from prep.types import ImageRef

BATCH = 4  # of the loop; the session alone takes its pictures as prep does, one by one, and so many at once


def as_prep_does(folder: Path, refs: list[ImageRef], backend: str) -> float:
    """Seconds for the tag stage's own job, rows written; opening the network is not counted, here and below."""
    with tempfile.TemporaryDirectory() as out:
        ledger = Ledger.begin(Path(out))
        files = files_in(folder)
        spec = TAGGERS.spec("wd")
        given = tuple((part, str(path)) for part, path in files.items())
        options = TaggerOptions(backend=backend)
        job = TagJob(folder, ledger, ModelRef(spec, spec.name, digest_of(files), options, given), 10**8)
        own_this_process()
        keep_freed_memory()
        job.open("main")
        side = wd_full_size.SIDE_PX
        job.reader.tagger.scores(np.zeros((job.reader.batch_size, side, side, 3), np.float32))
        started = time.perf_counter()
        assert not [outcome for outcome in job.run(refs) if outcome.problem]
        job.close()
        seconds = time.perf_counter() - started
        assert len(ledger.table(TAG)) == len(refs)
    return seconds


def session_alone(folder: Path, refs: list[ImageRef], batch: int) -> float:
    """Seconds for the network alone, with the pictures in memory."""
    tagger = Wd("wd", files_in(folder), TaggerOptions())
    ready = np.stack([tagger.prepare(open_image((folder / ref.path).read_bytes()).pixels) for ref in refs])
    session = opened(folder)
    session.run(None, {"input": ready[:batch]})
    started = time.perf_counter()
    for at in range(0, len(ready), batch):
        session.run(None, {"input": ready[at : at + batch]})
    return time.perf_counter() - started


def as_the_loop_does(folder: Path, refs: list[ImageRef]) -> float:
    session, names = opened(folder), (folder / "selected_tags.csv").read_text().splitlines()[5:]
    session.run(None, {"input": np.zeros((BATCH, wd_full_size.SIDE_PX, wd_full_size.SIDE_PX, 3), np.float32)})
    started = time.perf_counter()
    for at in range(0, len(refs), BATCH):
        some = refs[at : at + BATCH]
        batch = np.array([loaded(folder / ref.path) for ref in some])
        for ref, scores in zip(some, session.run(None, {"input": batch})[0], strict=True):
            found = [name for name, score in zip(names, scores[4:], strict=True) if score >= 0.35]
            (folder / ref.path).with_suffix(".txt").write_text(", ".join(found))
    return time.perf_counter() - started


def loaded(path: Path) -> np.ndarray:
    image = np.array(Image.open(path).convert("RGB"))[:, :, ::-1]
    high, wide = image.shape[:2]
    size = max(high, wide)
    top, left = (size - high) // 2, (size - wide) // 2
    around = ((top, size - high - top), (left, size - wide - left), (0, 0))
    square = np.pad(image, around, mode="constant", constant_values=255)
    side = wd_full_size.SIDE_PX
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)


def opened(folder: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])


def files_in(folder: Path) -> dict[str, Path]:
    return {"model": folder / "model.onnx", "tags": folder / "selected_tags.csv"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wd_full_size.write(folder)
        refs = pictures(folder, arguments.images)
        ways = {
            "prep": (as_prep_does, "torch"),
            **({"prep_openvino": (as_prep_does, "openvino")} if find_spec("openvino") else {}),
            "session": (session_alone, 1),
            "session_batch": (session_alone, BATCH),
            "loop": (as_the_loop_does,),
        }
        seconds = {way: [] for way in ways}
        for _ in range(arguments.rounds):
            for way, (call, *more) in ways.items():
                seconds[way].append(alone(call, folder, refs, *more))
                print(f"{way:<14}{len(refs) / seconds[way][-1]:.3f} pictures/s", flush=True)
    rates = {way: round(len(refs) / min(each), 3) for way, each in seconds.items()}
    best = max(rates["session"], rates["session_batch"])
    ratios = {"ratio": round(rates["prep"] / best, 2), "ratio_to_loop": round(rates["prep"] / rates["loop"], 2)}
    if "prep_openvino" in rates:
        ratios["ratio_to_loop_openvino"] = round(rates["prep_openvino"] / rates["loop"], 2)
    print(json.dumps({"benchmark": "wd", "unit": "pictures/s", **rates, **ratios}))


if __name__ == "__main__":
    main()
