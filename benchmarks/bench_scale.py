"""A run over many images with the starter tagger: memory against the number of images, and what a second run costs.

    python benchmarks/bench_scale.py [--few 500 --many 2000]

Draws 1 MP JPEGs into a temporary folder. Resident memory is the peak of the driver and its workers together. The
last line is JSON.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import watched
from PIL import Image


def draw(folder: Path, count: int) -> None:
    """count 1 MP JPEGs of smooth noise in four characters, older than any scan."""
    past = time.time() - 3600
    for number in range(count):
        rng = np.random.default_rng(number)
        path = folder / f"character_{number % 4}" / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8))
        coarse.resize((1024, 1024), Image.Resampling.BICUBIC).save(path, quality=88)
        os.utime(path, (past, past))


def run(src: Path, out: Path, *sets: str) -> tuple[float, float]:
    """-> (seconds, peak resident megabytes of all its processes together)."""
    command = [sys.executable, "-m", "prep", "run", str(src), "--out", str(out), "--set", "tagger.model=starter"]
    command += [part for each in sets for part in ("--set", each)]
    return watched.run(command)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--few", type=int, default=500)
    parser.add_argument("--many", type=int, default=2000)
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        for label, count in (("few", arguments.few), ("many", arguments.many)):
            src, out = Path(name) / label, Path(name) / f"{label}-out"
            draw(src, count)
            seconds, memory = run(src, out)
            again, _ = run(src, out)
            changed, _ = run(src, out, "thresholds.mode=fixed", "thresholds.fixed=0.3")
            figures |= {f"{label}_images": count, f"{label}_seconds": round(seconds, 1)}
            figures |= {f"{label}_mb": round(memory, 1)}
            figures |= {f"{label}_second_run_seconds": round(again, 2)}
            figures |= {f"{label}_changed_threshold_seconds": round(changed, 2)}
            print(f"{count} images: {seconds:.1f} s, {memory:.1f} MB resident at most")
            print(f"  a second run {again:.2f} s; with another threshold, all captions written anew, {changed:.2f} s")
    more = arguments.many - arguments.few
    figures["kb_an_image_more"] = round((figures["many_mb"] - figures["few_mb"]) * 1000 / more, 2)
    print(json.dumps({"benchmark": "scale", **figures}))


if __name__ == "__main__":
    main()
