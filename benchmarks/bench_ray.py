"""Tagging through Ray against tagging in one process: the same full-size DeepDanbooru, JPEGs and machine.

    python benchmarks/bench_ray.py [--images 64] [--rounds 2]

Ray has a worker of one core for each core of the machine; the local runner has all cores in one process. Writes a
full-size checkpoint with made-up weights (644 MB) to a temporary folder, and JPEGs of 1 MP. Each round is a process of
its own, in turns; the best one counts. The seconds begin when the last worker has loaded the weights: Ray's start, and
the workers' until then, are told apart. `ratio` is Ray's images per second over the local runner's. The last line is
JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench_tagging import pictures, tagger_of

from prep.jobs.tag import TAG, TagJob
from prep.ledger import Ledger
from prep.process.heap import own_this_process
from prep.protocols import Notes
from prep.runners import load_runner
from tests.v3.make_checkpoint import make


class TimedJob(TagJob):
    """Notes when its worker has loaded the weights and read one batch."""

    def open(self, worker: str) -> None:
        super().open(worker)
        self.reader.tagger.scores(np.zeros((self.reader.batch_size, 512, 512, 3), np.float32))
        self.opened = time.time()

    def close(self) -> dict:
        super().close()
        return {"opened": self.opened}


def measured(way: str, folder: Path, images: int) -> dict[str, float]:
    """Seconds of one way: until Ray runs, until the last worker is ready, and of the work."""
    own_this_process()
    with tempfile.TemporaryDirectory(dir=folder) as name:
        out = Path(name)
        (out / ".prep").mkdir()
        ledger = Ledger.begin(out / ".prep" / "ledger")
        refs = pictures(folder, images)
        job = TimedJob(folder, ledger, tagger_of(folder / "model-resnet_custom_v3.pt", "torch"), 10**8)
        job.needs = replace(job.needs, cpus=1)
        times = [time.time()]
        runner = load_runner(way)
        runner.begin(folder, out)
        times.append(time.time())
        found = list(runner.map(job, refs))
        opened = [each.found["opened"] for each in found if isinstance(each, Notes)]
        times += [max(opened), time.time()]
        assert len(found) - len(opened) == len(ledger.table(TAG)) == images
        assert len(opened) == (os.cpu_count() if way == "ray" else 1)
    return dict(zip(("start", "open", "work"), np.diff(times).round(2).tolist(), strict=True))


def alone(way: str, folder: Path, images: int) -> dict[str, float]:
    """In a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--folder", folder, "--images", images]
    done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--way", choices=("local", "ray"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(measured(asked.way, asked.folder, asked.images)))
        return
    if not find_spec("ray"):
        print(json.dumps({"benchmark": "ray", "skipped": "Ray is not installed (pip install 'ray[client]')"}))
        return
    with tempfile.TemporaryDirectory() as name:
        make(Path(name) / "model-resnet_custom_v3.pt", seed=1)
        pictures(Path(name), asked.images)
        rounds: dict[str, list[dict[str, float]]] = {"local": [], "ray": []}
        for _ in range(asked.rounds):
            for way, found in rounds.items():
                found.append(alone(way, Path(name), asked.images))
                print(f"{way:<6}{asked.images / found[-1]['work']:.2f} images/s {found[-1]}", flush=True)
    best = {way: min(found, key=lambda each: each["work"]) for way, found in rounds.items()}
    rates = {way: round(asked.images / each["work"], 3) for way, each in best.items()}
    apart = {"ray_start_seconds": best["ray"]["start"], "ray_open_seconds": best["ray"]["open"]}
    ratio = {"ratio": round(rates["ray"] / rates["local"], 3)}
    print(json.dumps({"benchmark": "ray", "unit": "images/s", "images": asked.images, **rates, **apart, **ratio}))


if __name__ == "__main__":
    main()
