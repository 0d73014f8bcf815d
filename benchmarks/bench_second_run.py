"""A second run over many unchanged images: what it costs to look at all that a person may have changed.

    python benchmarks/bench_second_run.py [--images 10000] [--rounds 5] [--before FOLDER]

Draws small PNGs, runs prep once, then times second runs. With --before, a checkout of an older prep, both have an OUT
of their own and are timed in turns: the ratio of the medians says how much slower the newer one is. The last line is
JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

SETS = ("tagger.model=starter", "generator.model=none", "scan.min_side_px=0", "thresholds.mode=fixed")
ROOT = Path(__file__).parent.parent


def draw(folder: Path, count: int) -> None:
    """count PNGs of 64 px in four characters, older than any scan."""
    past = time.time() - 3600
    for number in range(count):
        path = folder / f"character_{number % 4}" / f"{number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((64, 64), Image.Resampling.NEAREST).save(path)
        os.utime(path, (past, past))


def run(checkout: Path, src: Path, out: Path) -> float:
    """-> seconds."""
    command = [sys.executable, "-m", "prep", "run", str(src), "--out", str(out)]
    command += [part for each in SETS for part in ("--set", each)]
    began = time.monotonic()
    subprocess.run(command, check=True, cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)},
                   stdout=subprocess.DEVNULL)  # fmt: skip
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", type=Path, help="a checkout of an older prep")
    arguments = parser.parse_args()
    checkouts = {"now": ROOT} | ({"before": arguments.before.resolve()} if arguments.before else {})
    with tempfile.TemporaryDirectory() as name:
        src = Path(name) / "src"
        draw(src, arguments.images)
        seconds: dict[str, list[float]] = {label: [] for label in checkouts}
        for label, checkout in checkouts.items():
            first = run(checkout, src, Path(name) / label)
            print(f"{label}: the first run took {first:.1f} s", flush=True)
        for number in range(arguments.rounds):
            for label in list(checkouts)[:: -1 if number % 2 else 1]:
                seconds[label].append(run(checkouts[label], src, Path(name) / label))
    found = {label: round(statistics.median(each), 3) for label, each in seconds.items()}
    for label, each in seconds.items():
        print(f"{label}: a second run {found[label]:.2f} s ({min(each):.2f} to {max(each):.2f})")
    ratio = {"ratio": round(found["now"] / found["before"], 3)} if "before" in found else {}
    print(json.dumps({"benchmark": "second_run", "images": arguments.images, "seconds": found, **ratio}))


if __name__ == "__main__":
    main()
