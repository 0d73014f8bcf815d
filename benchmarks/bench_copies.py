"""Near copies at scale: the hashes of one character with many pictures, and the expressions of one sprite.

    python benchmarks/bench_copies.py [--hashes 100000] [--variants 500]

Random hashes have hardly a close pair, so the first figure is the search alone. The variants are 1 MP PNGs of one
drawing with another mouth each, so all of their hashes are close and each is compared with all before it: how often one
is decoded, how long it takes, and how much memory that adds at most. Two of a hundred are re-encodings. Seconds are
those of the processor (one core). The last line is JSON.
"""

import argparse
import hashlib
import io
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import psutil
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parent.parent))

from prep.ledger import Ledger
from prep.scan.copies import NEAR, marked
from prep.types import ImageRef, Row

PX = 1024
COPY_EVERY = 50


def row(digest: str, phash: int) -> Row:
    return Row(ImageRef(digest, digest, "mira", PX, PX, "png", 1, 0.1, 50.0, f"{phash:016x}", ()))


def search(count: int, folder: Path) -> float:
    """Seconds to look through that many random hashes; what has a close one is compared in vain, as if it was gone."""

    def gone(ref: ImageRef) -> bytes:
        raise FileNotFoundError(ref.path)

    hashes = np.random.default_rng(0).integers(0, 1 << 64, count, dtype=np.uint64).tolist()
    rows = [row(f"{number:064x}", each) for number, each in enumerate(hashes)]
    started = time.process_time()
    marks = marked(rows, gone, Ledger(folder / "ledger"), False, 10**8)
    seconds = time.process_time() - started
    assert not any(each.near_of for each in marks)
    return seconds


def variants(count: int) -> dict[str, bytes]:
    """sha256 -> a PNG: one drawing with another mouth each; every fiftieth is the one before it, saved as a JPEG."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)).resize(
        (PX, PX), Image.Resampling.BICUBIC
    )
    found: dict[str, bytes] = {}
    for number in range(count):
        stream = io.BytesIO()
        if number % COPY_EVERY == COPY_EVERY - 1:
            image.save(stream, "JPEG", quality=60)  # noqa: F821 - that of the number before
        else:
            image = coarse.copy()
            left, top, width, height = (int(each) for each in rng.integers(24, 60, 4))
            colour = tuple(rng.integers(0, 256, 3).tolist())
            ImageDraw.Draw(image).ellipse((450 + left, 450 + top, 450 + left + width, 450 + top + height), colour)
            image.save(stream, "PNG", compress_level=1)
        found[hashlib.sha256(stream.getvalue()).hexdigest()] = stream.getvalue()
    return found


class Watched:
    """Reads files, counts how often each is read, and remembers the most memory that was held meanwhile."""

    def __init__(self, files: Path) -> None:
        self.files, self.reads, self.most, self.process = files, Counter(), 0, psutil.Process()

    def __call__(self, ref: ImageRef) -> bytes:
        self.reads[ref.sha256] += 1
        self.look()
        return (self.files / ref.path).read_bytes()

    def look(self) -> None:
        self.most = max(self.most, self.process.memory_info().rss)


def expressions(count: int, folder: Path) -> dict[str, float]:
    files = folder / "files"
    files.mkdir()
    for digest, data in variants(count).items():
        (files / digest).write_bytes(data)
    rows = [row(path.name, 0) for path in sorted(files.iterdir())]
    read = Watched(files)
    read.look()
    before, began, started = read.most, time.perf_counter(), time.process_time()
    marks = marked(rows, read, Ledger(folder / "ledger"), False, 10**8)
    seconds, elapsed = time.process_time() - started, time.perf_counter() - began
    read.look()
    return {
        "variants": len(rows),
        "compared": len(Ledger(folder / "ledger").table(NEAR)),
        "copies": sum(each.near_of is not None for each in marks),
        "most_decodes_of_one": max(read.reads.values()),
        "variants_seconds": round(seconds, 2),
        "variants_elapsed_seconds": round(elapsed, 2),
        "memory_added_mb": round((read.most - before) / 1e6, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hashes", type=int, default=100_000)
    parser.add_argument("--variants", type=int, default=500)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "hashes").mkdir()
        seconds = round(search(arguments.hashes, Path(name) / "hashes"), 2)
        print(f"{arguments.hashes:,} random hashes: {seconds} s", flush=True)
        (Path(name) / "variants").mkdir()
        figures = expressions(arguments.variants, Path(name) / "variants")
        print(f"{figures['variants']} variants: {figures['variants_seconds']} s, +{figures['memory_added_mb']} MB")
    print(json.dumps({"benchmark": "copies", "hashes": arguments.hashes, "hashes_seconds": seconds, **figures}))


if __name__ == "__main__":
    main()
