"""A second run over many unchanged images: what it costs to look at all that a person may have changed.

    python benchmarks/bench_second_run.py [--images 10000] [--rounds 5] [--before FOLDER]

Draws small PNGs, runs prep once, then times second runs, `prep status`, runs after one caption was edited, and the runs
after those, which find nothing to do and note it for the next one, each with the peak memory of its processes. With
--before, a checkout of an older prep, both have an OUT of their own and are timed in turns: the ratio of the medians
says how much slower the newer one is. The last line is JSON.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import watched
from PIL import Image

# In SRC's own file, so that `prep status` has them too.
SETTINGS = """
[tagger]
model = "starter"
[generator]
model = "none"
[scan]
min_side_px = 0
[thresholds]
mode = "fixed"
"""
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


def prep(checkout: Path, *arguments: str | Path) -> tuple[float, float]:
    """-> (seconds, peak megabytes)."""
    env = {**os.environ, "PYTHONPATH": str(checkout)}
    return watched.run([sys.executable, "-m", "prep", *map(str, arguments)], env)


def edit(out: Path, number: int) -> None:
    path = sorted(out.glob("kohya/*_character_0/*.txt"))[number]
    path.write_text(f"{path.read_text()}, red scarf")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", type=Path, help="a checkout of an older prep")
    arguments = parser.parse_args()
    checkouts = {"now": ROOT} | ({"before": arguments.before.resolve()} if arguments.before else {})
    taken: dict[str, dict[str, list[tuple[float, float]]]] = {label: defaultdict(list) for label in checkouts}
    with tempfile.TemporaryDirectory() as name:
        src = Path(name) / "src"
        draw(src, arguments.images)
        (src / "prep.toml").write_text(SETTINGS)
        for label, checkout in checkouts.items():
            taken[label]["first"].append(prep(checkout, "run", src, "--out", Path(name) / label))
            print(f"{label}: the first run took {taken[label]['first'][0][0]:.1f} s", flush=True)
        for number in range(arguments.rounds):
            for label in list(checkouts)[:: -1 if number % 2 else 1]:
                out = Path(name) / label
                taken[label]["second"].append(prep(checkouts[label], "run", src, "--out", out))
                taken[label]["status"].append(prep(checkouts[label], "status", out))
                edit(out, number)
                taken[label]["edited"].append(prep(checkouts[label], "run", src, "--out", out))
                taken[label]["noted"].append(prep(checkouts[label], "run", src, "--out", out))
    seconds, megabytes = (
        {label: {what: round(statistics.median(each[at] for each in some), digits) for what, some in found.items()}
         for label, found in taken.items()}
        for at, digits in ((0, 3), (1, 0))
    )  # fmt: skip
    for label, found in taken.items():
        for what, some in found.items():
            each = [found for found, _ in some]
            spread = f"{seconds[label][what]:.2f} s ({min(each):.2f} to {max(each):.2f})"
            print(f"{label}: {what}: {spread}, {megabytes[label][what]:.0f} MB")
    ratio = {"ratio": round(seconds["now"]["second"] / seconds["before"]["second"], 3)} if arguments.before else {}
    print(json.dumps({"benchmark": "second_run", "images": arguments.images, "seconds": seconds,
                      "megabytes": megabytes, **ratio}))  # fmt: skip


if __name__ == "__main__":
    main()
