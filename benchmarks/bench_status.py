"""`prep status` over many rows, as a process of its own.

    python benchmarks/bench_status.py [--images 20000]

Draws small images into a temporary folder and runs prep over them with a tiny network first (minutes). The last line is
JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.pictures import tiny_checkpoint

QUIET = {"check": True, "stdout": subprocess.DEVNULL}


def draw(folder: Path, count: int) -> None:
    """count PNGs of 64 px, all different, in ten characters."""
    for number in range(count):
        path = folder / f"character_{number % 10}" / f"{number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((64, 64)).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        art, out = Path(name) / "art", Path(name) / "out"
        draw(art, arguments.images)
        tagger = tiny_checkpoint(Path(name) / "tiny.safetensors")
        prep = [sys.executable, "-m", "prep"]
        sets = ["--set", f"tagger.model={tagger}", "--set", "scan.min_side_px=16"]
        subprocess.run([*prep, "run", str(art), "--out", str(out), *sets], **QUIET)
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            subprocess.run([*prep, "status", str(out)], **QUIET)
            seconds.append(time.perf_counter() - started)
    print(f"{arguments.images:,} rows: {min(seconds):.2f} s, the best of three")
    print(json.dumps({"benchmark": "status", "rows": arguments.images, "seconds": round(min(seconds), 2)}))


if __name__ == "__main__":
    main()
