"""A first run with the starter tagger, to the end of tagging, against one process per core that only decodes the same
files.

    python benchmarks/bench_starter.py [--images 1000]

Draws 1 MP JPEGs into a temporary folder. `ratio` is the time of decoding over that of prep, in one run. The last line
is JSON.
"""

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import watched
from bench_scale import draw

from prep.images import open_image
from prep.system import cores


def decode(paths: list[Path]) -> None:
    for path in paths:
        open_image(path.read_bytes())


def decode_seconds(paths: list[Path]) -> float:
    """Of one process per core; their start is not counted."""
    with ProcessPoolExecutor(cores(), get_context("spawn")) as pool:
        list(pool.map(decode, [paths[:1]] * 2 * cores()))
        shares = [paths[at :: 4 * cores()] for at in range(4 * cores())]
        started = time.perf_counter()
        list(pool.map(decode, shares))
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        src = Path(name) / "src"
        draw(src, arguments.images)
        alone = decode_seconds(sorted(src.glob("*/*.jpg")))
        command = [sys.executable, "-m", "prep", "run", str(src), "--out", f"{name}/out", "--to", "tag"]
        seconds, memory = watched.run([*command, "--set", "tagger.model=starter", "--set", "generator.model=none"])
    figures = {"decode_seconds": round(alone, 2), "prep_seconds": round(seconds, 2), "mb": round(memory, 1)}
    print(
        json.dumps({"benchmark": "starter", "images": arguments.images, **figures, "ratio": round(alone / seconds, 3)})
    )


if __name__ == "__main__":
    main()
