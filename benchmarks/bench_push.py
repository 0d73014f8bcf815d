"""Pushing a set with its pictures to a hub on loopback: the first push, and a second with nothing new.

    python benchmarks/bench_push.py [--images 2000]

Draws 1 MP pictures (every third a PNG, the others JPEGs), each placed in a set as `prep run` leaves it. Seconds are of
the whole command, start of Python included; resident memory is that of the push alone. The last line is JSON.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import watched
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from prep.dataset.manifest import COLUMNS
from prep.sections import Settings
from tests.support.hub_server import TOKEN

TAGS = [f"tag_{number}" for number in range(25)]


def draw(out: Path, count: int) -> None:
    """count pictures of smooth noise in four characters, with the manifest that tells of them."""
    rows = []
    for number in range(count):
        rng, character = np.random.default_rng(number), f"character_{number % 4}"
        path = out / "kohya" / f"1_{character}" / f"{number:012x}.{'jpg' if number % 3 else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8))
        picture = coarse.resize((1024, 1024), Image.Resampling.BICUBIC)
        picture.save(path, **({"quality": 88} if number % 3 else {"compress_level": 1}))
        caption = ", ".join([character, *TAGS])
        path.with_suffix(".txt").write_text(caption)
        rows.append(
            dict.fromkeys(COLUMNS.names)
            | {"image_id": hashlib.sha256(path.read_bytes()).hexdigest(), "file": str(path.relative_to(out))}
            | {"character": character, "origin": "source", "status": "kept", "flags": [], "caption": caption}
            | {"tags": [{"name": tag, "score": 0.5, "category": "general"} for tag in TAGS], "complexity": "medium"}
            | {"removed": [], "width": 1024, "height": 1024, "tagger": "deepdanbooru-v3", "caption_source": "machine"}
        )
    rows.sort(key=lambda row: (row["character"], row["image_id"]))
    settings = json.dumps(Settings().model_dump(mode="json", include={"thresholds", "profile", "captions"}))
    schema = COLUMNS.with_metadata({"prep.schema": "1", "prep.version": "0", "prep.settings": settings})
    pq.write_table(pa.Table.from_pylist(rows, schema), out / "manifest.parquet")
    (out / ".prep").mkdir()


def push(out: Path, url: str, home: Path) -> tuple[float, float]:
    """-> (seconds, peak resident megabytes)."""
    command = [sys.executable, "-m", "prep", "push", str(out), "me/set", "--with-images", "--yes", "--license", "mit"]
    told = {
        "HF_ENDPOINT": url,
        "HF_TOKEN": TOKEN,
        "PREP_TOKEN_TO_MIRROR": "1",
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "0",
    }
    return watched.run(command, os.environ | told | {"NO_PROXY": "127.0.0.1"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out"
        draw(out, arguments.images)
        size = sum(path.stat().st_size for path in (out / "kohya").rglob("*.*")) / 1e6
        # In a process of its own: what it keeps is not the push's memory.
        command = [sys.executable, "-m", "tests.support.hub_server"]
        server = subprocess.Popen(command, cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, text=True)
        try:
            url = server.stdout.readline().strip()
            first, peak = push(out, url, Path(name))
            second, again = push(out, url, Path(name))
        finally:
            server.kill()
            server.wait()
    print(f"{arguments.images} images, {size:,.0f} MB: {first:.1f} s, {peak:.0f} MB resident at most")
    print(f"a second push: {second:.2f} s, {again:.0f} MB")
    figures = {"images": arguments.images, "mb_in_all": round(size), "seconds_first": round(first, 2)}
    figures |= {
        "seconds_second": round(second, 2),
        "ratio": round(second / first, 3),
        "peak_mb": round(max(peak, again)),
    }
    print(json.dumps({"benchmark": "push", **figures}))


if __name__ == "__main__":
    main()
