"""`prep report` over many rows, as a process of its own: of one character, and of 300. And what it costs a run in which
nothing has changed.

    python benchmarks/bench_report.py [--rows 20000]

The manifest, the ledger's captions and their files are made up; there are no pictures. The last line is JSON.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import watched

sys.path.insert(0, str(Path(__file__).parent.parent))

from prep.dataset.manifest import COLUMNS
from prep.edits.merge import Hand
from prep.edits.sidecar import CAPTION, Entry
from prep.ledger import Ledger
from prep.report.written import after_run, report

TAGS, VOCABULARY = 40, 3000
TOML = "[general]\nenable_bucket = true\nbucket_no_upscale = true\n[[datasets]]\nresolution = 1024\n"


def make_up(out: Path, count: int, characters: int) -> Path:
    """An OUT with a manifest and captions of that many pictures, one in ten drawn, with a dataset.toml."""
    (out / ".prep").mkdir(parents=True)
    (out / "kohya").mkdir()
    rng, rows, captions = random.Random(1), [], []
    for number in sorted(range(count), key=lambda each: each % characters):
        character, digest = f"c{number % characters:03d}", hashlib.sha256(str(number).encode()).hexdigest()
        names = sorted({f"tag_{int(VOCABULARY * rng.random() ** 3)}" for _ in range(TAGS)})
        machine = (character, *(each.replace("_", " ") for each in names[5:]))
        row = {"image_id": digest, "character": character, "file": f"kohya/2_{character}/{digest[:12]}.png",
               "origin": "source" if number % 10 else "augmentation", "status": "kept", "complexity": "simple",
               "threshold": 0.55, "width": rng.choice([700, 900, 1200]), "height": 1200, "caption": ", ".join(machine),
               "tags": [{"name": name, "score": 0.9, "category": "general"} for name in names[5:]],
               "removed": [{"name": name, "why": "trait"} for name in names[:5]]}  # fmt: skip
        rows.append(row)
        captions.append(Entry(Hand(row["caption"], machine)).row(f"{character}/{digest}"))
        text = (out / row["file"]).with_suffix(".txt")
        text.parent.mkdir(exist_ok=True)
        text.write_text(row["caption"])
    Ledger.begin(out / ".prep" / "ledger").write(CAPTION, captions)
    pq.write_table(pa.Table.from_pylist(rows, COLUMNS), out / "manifest.parquet")
    subsets = [f'[[datasets.subsets]]\nimage_dir = "2_c{each:03d}"\n' for each in range(characters)]
    (out / "kohya" / "dataset.toml").write_text(TOML + "max_bucket_reso = 2048\n" + "".join(subsets))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    rows = parser.parse_args().rows
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        for characters in (1, 300):
            out = make_up(Path(name) / str(characters), rows, characters)
            seconds, megabytes = watched.run([sys.executable, "-m", "prep", "report", str(out)])
            found |= {f"seconds_{characters}": round(seconds, 2), f"mb_{characters}": round(megabytes)}
            print(f"{rows:,} rows, {characters} characters: {seconds:.2f} s, {megabytes:,.0f} MB")
        report(out, always=False)
        started = time.perf_counter()
        after_run(out)
        found["ms_unchanged"] = round(1000 * (time.perf_counter() - started))
        print(f"after a run without a change: {found['ms_unchanged']} ms")
    print(json.dumps({"benchmark": "report", "rows": rows, **found}))


if __name__ == "__main__":
    main()
