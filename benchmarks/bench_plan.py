"""What it costs to plan a large set: rows are made up, no picture is read and no model is loaded.

    python benchmarks/bench_plan.py [--rows 100000 1000000] [--files 100000] [--memory-gb 6]

For each number of rows, the scan's and the tagger's rows (40 scores each) are written as prep's ledger keeps them. Then
each step of a plan runs in a process of its own: as prep does it now, and, where that makes Python objects, on Arrow's
columns alone. CPU seconds are those of one process, so other work beside it counts little; the peak of resident memory
is that of the whole process, of which `nothing` takes the first line's part. A step is left out if the size before it
says that it would pass --memory-gb. 10,000,000 rows take some 15 minutes and 8 GB of disk (TMPDIR). The last line is
JSON.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prep.dataset.manifest import COLUMNS, GROUP_ROWS
from prep.jobs.tag import TAG
from prep.ledger import FLUSH_ROWS, Book, Ledger, Shelf, _winners
from prep.parts import number_of, parts_in, write_part
from prep.scan._hashes import have_close
from prep.scan.find import find_images
from prep.scan.listing import Found
from prep.scan.measure import SCAN, is_current, is_whole, measured_before, ref_from_scan
from prep.scan.select import select
from prep.sections import Scan

BLOCK = 1_000_000  # rows made at once, and rows of a merged part
OF_A_CHARACTER = 1000
SCORES, CAPTION_TAGS = 40, 20  # per picture: above the tagger's floor, and above the threshold
TAGS = 9176  # names of DeepDanbooru
DONE = 0.9  # the share of the pictures that are tagged
SAMPLE = 20_000  # rows of which Python objects are made where all would take too long
HEX = np.frombuffer(b"".join(b"%02x" % each for each in range(256)), np.uint8).reshape(256, 2)


def fixed(letters: np.ndarray) -> pa.Array:
    """uint8 [N, L], ASCII -> N strings of L letters."""
    count, length = letters.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(length)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(letters)))


def hexes(rng: np.random.Generator, count: int, letters: int) -> pa.Array:
    return fixed(HEX[rng.integers(0, 256, (count, letters // 2), dtype=np.uint8)].reshape(count, letters))


def paths(start: int, count: int) -> pa.Array:
    """character_00000012/0000012345.png"""
    numbers = np.arange(start, start + count)
    digits = [(each[:, None] // 10 ** np.arange(9, -1, -1) % 10 + 48).astype(np.uint8) for each in
              (numbers // OF_A_CHARACTER, numbers)]  # fmt: skip
    words = [np.tile(np.frombuffer(word, np.uint8), (count, 1)) for word in (b"character_", b"/", b".png")]
    return fixed(np.hstack([words[0], digits[0], words[1], digits[1], words[2]]))


def same(value: object, kind: pa.DataType, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), count)


def lists(values: np.ndarray, each: int) -> pa.Array:
    return pa.ListArray.from_arrays(np.arange(0, len(values) + 1, each, dtype=np.int32), pa.array(values))


def sha256s(start: int, count: int) -> pa.Array:
    return hexes(np.random.default_rng([1, start]), count, 64)


def scanned(start: int, count: int) -> pa.Table:
    rng = np.random.default_rng([2, start])
    own = {
        "subject": paths(start, count),
        "size": pa.array(rng.integers(10**5, 10**7, count)),
        "mtime_ns": pa.array(rng.integers(0, 10**18, count)),
        "inode": pa.array(np.arange(start, start + count)),
        "seen_ns": pa.array(np.full(count, 2 * 10**18)),
        "sha256": sha256s(start, count),
        "edge_density": pa.array(rng.random(count)),
        "sharpness": pa.array(rng.random(count)),
        "phash": hexes(rng, count, 16),
        "pixels": hexes(rng, count, 32),
    }
    own["flags"] = pa.ListArray.from_arrays(np.zeros(count + 1, np.int32), pa.array([], pa.string()))
    known = {"recipe": "1f" * 8, "format": "png", "width": 1024, "height": 1024}
    return filled(SCAN.schema, own, known, count)


def tagged(start: int, count: int) -> pa.Table:
    rng = np.random.default_rng([3, start])
    own = {
        "subject": sha256s(start, count),
        "index": lists((TAGS * rng.random(SCORES * count, np.float32) ** 2).astype(np.int32), SCORES),
        "score": lists(rng.random(SCORES * count, np.float32).astype(np.float16), SCORES),
    }
    return filled(TAG.schema, own, {"recipe": "2f" * 8, "vocabulary": "3f" * 8}, count)


def described(start: int, count: int) -> pa.Table:
    """Rows of a manifest."""
    rng = np.random.default_rng([4, start])
    words = pa.array([f"some_tag_{number}" for number in range(TAGS)])
    chosen = words.take(pa.array((TAGS * rng.random(CAPTION_TAGS * count) ** 2).astype(np.int32)))
    score, category = pa.array(rng.random(len(chosen), np.float32)), same("general", pa.string(), len(chosen))
    edges = np.arange(0, len(chosen) + 1, CAPTION_TAGS, dtype=np.int32)
    each = pa.StructArray.from_arrays([chosen, score, category], fields=[*COLUMNS.field("tags").type.value_type])
    at = paths(start, count)
    own = {
        "image_id": sha256s(start, count),
        "file": at,
        "source": at,
        "character": pc.utf8_slice_codeunits(at, 0, 20),
        "bytes": pa.array(rng.integers(10**5, 10**7, count)),
        "phash": hexes(rng, count, 16),
        "edge_density": pa.array(rng.random(count)),
        "tags": pa.ListArray.from_arrays(edges, each),
        "caption": pc.binary_join(pa.ListArray.from_arrays(edges, chosen), ", "),
    }
    known = {"origin": "source", "status": "kept", "width": 1024, "height": 1024, "format": "png", "recipe": "2f" * 8}
    known |= {"complexity": "medium", "threshold": 0.45, "caption_source": "machine", "tagger": "deepdanbooru-v3"}
    return filled(COLUMNS, own, known, count)


def filled(schema: pa.Schema, own: dict, known: dict, count: int) -> pa.Table:
    """known: what all rows have; all other columns are null."""
    columns = [own[each.name] if each.name in own else same(known.get(each.name), each.type, count) for each in schema]
    return pa.Table.from_arrays(columns, schema=schema)


MADE: dict[str, tuple[Shelf, Callable[[int, int], pa.Table]]] = {"scan": (SCAN, scanned), "tag": (TAG, tagged)}


def blocks(rows: int) -> Iterator[tuple[int, int]]:
    return ((start, min(BLOCK, rows - start)) for start in range(0, rows, BLOCK))


@contextmanager
def timed(found: dict, name: str) -> Iterator[None]:
    began = time.process_time()
    yield
    found[f"{name}_s"] = round(time.process_time() - began, 3)


def make(rows: int, folder: Path) -> dict:
    """The ledger as a merge leaves it, in parts of a million rows."""
    found: dict = {}
    for stage, (_, table) in MADE.items():
        (folder / "ledger" / stage).mkdir(parents=True)
        for number, (start, count) in enumerate(blocks(rows)):
            some = table(start, round(count * DONE) if stage == "tag" else count)
            with timed(found, f"{stage}_part"):
                write_part(some, folder / "ledger" / stage / f"000001-0merged-{number:06d}.parquet")
        found[f"{stage}_mb"] = round(sum(part.stat().st_size for part in parts_in(folder / "ledger" / stage)) / 1e6, 1)
    return found


def small_parts(rows: int, folder: Path) -> dict:
    """The same as a run writes it: 256 rows a part; then what the next start makes of it."""
    found: dict = {}
    for stage, (_, table) in MADE.items():
        home = folder / "small" / stage
        home.mkdir(parents=True)
        spent = 0.0
        for start, count in blocks(rows):
            some = table(start, count)
            began = time.process_time()
            for at in range(0, count, FLUSH_ROWS):
                name = f"000001-main-{(start + at) // FLUSH_ROWS + 1:06d}.parquet"
                write_part(some.slice(at, FLUSH_ROWS), home / name)
            spent += time.process_time() - began
        found[f"{stage}_write_s"] = round(spent, 3)
        found[f"{stage}_mb"] = round(sum(part.stat().st_size for part in home.iterdir()) / 1e6, 1)
    found["parts"] = len(parts_in(home))
    return found


def read_small(rows: int, folder: Path) -> dict:
    found: dict = {}
    with timed(found, "tag"):
        Ledger(folder / "small").table(TAG)
    return found


def merge(rows: int, folder: Path) -> dict:
    found: dict = {}
    with timed(found, "both"):
        Ledger.begin(folder / "small")
    return found


def listing(rows: int, folder: Path) -> dict:
    """The names of as many parts as a run leaves, empty files: listed once, and once for each part that is added."""
    found: dict = {}
    home, parts = folder / "names" / "tag", -(-rows // FLUSH_ROWS)
    home.mkdir(parents=True)
    for number in range(parts):
        (home / f"000001-main-{number:06d}.parquet").touch()
    with timed(found, "once"):
        parts_in(home)
    with timed(found, "at_the_last_flush"):
        max(map(number_of, home.glob("000001-main-*.parquet")))
    found["at_all_flushes_s"] = round(found["at_the_last_flush_s"] * parts / 2, 1)  # the mean flush lists half of them
    return found | {"parts": parts}


def keys(rows: int, folder: Path) -> dict:
    """On Arrow: the keys alone, without checking the parts' digests."""
    found: dict = {}
    with timed(found, "read"):
        _keys(folder, "tag", "subject", "recipe")
    return found


def _keys(folder: Path, stage: str, *names: str) -> pa.Table:
    read = (pq.ParquetFile(part).read(list(names), use_threads=False) for part in parts_in(folder / "ledger" / stage))
    return pa.concat_tables(read)


def winners(rows: int, folder: Path) -> dict:
    """Whole rows as a stage reads them: each part's digest, all columns, the last of equal ones."""
    found: dict = {}
    ledger = Ledger(folder / "ledger")
    with timed(found, "read_and_winners"):
        table = ledger.table(TAG)
    with timed(found, "winners"):
        _winners(table)
    return found


def todo_now(rows: int, folder: Path) -> dict:
    """What is untagged, as the tag stage asks: a Book, which has a dictionary of all subjects."""
    found: dict = {}
    wanted = _keys(folder, "scan", "sha256")["sha256"].to_pylist()
    with timed(found, "join"):
        book = Book(Ledger(folder / "ledger").table(TAG))
        todo = [each for each in wanted if each not in book]
    return found | {"todo": len(todo)}


def todo_arrow(rows: int, folder: Path) -> dict:
    found: dict = {}
    with timed(found, "join"):
        wanted, done = _keys(folder, "scan", "sha256")["sha256"], _keys(folder, "tag", "subject")["subject"]
        todo = wanted.filter(pc.invert(pc.is_in(wanted, done)))
    return found | {"todo": len(todo)}


def rows_now(rows: int, folder: Path) -> dict:
    """The scan stage over unchanged files: their rows as records, and which may enter the set."""
    found: dict = {}
    table = _keys(folder, "scan", "subject", "size", "mtime_ns", "inode")
    columns = [table[name].to_pylist() for name in table.column_names]
    files = [Found(path, path[:20], *stat) for path, *stat in zip(*columns, strict=True)]
    del columns, table
    with timed(found, "book"):
        book = Book(Ledger(folder / "ledger").table(SCAN))
    with timed(found, "records"):
        known = zip(files, measured_before(book, files), strict=True)
        refs = [ref_from_scan(file, row) for file, row in known if is_current(row, file) and is_whole(row)]
    with timed(found, "select"):
        assert len(select(refs, Scan())) == rows
    return found


def rows_arrow(rows: int, folder: Path) -> dict:
    """The same question on columns: which files are as they were, and which hold a picture that another holds."""
    found: dict = {}
    with timed(found, "join"):
        names = ["subject", "size", "mtime_ns", "inode", "sha256", "width", "height"]
        table = _keys(folder, "scan", *names)
        at = pc.index_in(table["subject"], table["subject"])
        current = np.ones(rows, bool)
        for name in ("size", "mtime_ns", "inode"):
            column = table[name].to_numpy()
            current &= column[at.to_numpy()] == column
        table["sha256"].combine_chunks().dictionary_encode()
    return found | {"current": int(current.sum())}


def near_many(rows: int, folder: Path) -> dict:
    """Close hashes within characters of a thousand pictures."""
    found: dict = {}
    hashes = np.random.default_rng(0).integers(0, 1 << 64, rows, np.uint64)
    with timed(found, "search"):
        for at in range(0, rows, OF_A_CHARACTER):
            have_close(hashes[at : at + OF_A_CHARACTER])
    return found


def near_one(rows: int, folder: Path) -> dict:
    """Close hashes within one character."""
    found: dict = {}
    hashes = np.random.default_rng(0).integers(0, 1 << 64, rows, np.uint64)
    with timed(found, "search"):
        have_close(hashes)
    return found


def manifest(rows: int, folder: Path) -> dict:
    """Written by columns, in prep's row groups; read back; and what prep's own way of making rows costs."""
    found: dict = {"write_s": 0.0}
    path = folder / "manifest.parquet"
    with pq.ParquetWriter(path, COLUMNS, compression="zstd", write_page_checksum=True) as writer:
        for start in range(0, rows, 100 * GROUP_ROWS):
            some = described(start, min(100 * GROUP_ROWS, rows - start))
            began = time.process_time()
            for at in range(0, len(some), GROUP_ROWS):
                writer.write_table(some.slice(at, GROUP_ROWS))
            found["write_s"] += time.process_time() - began
    listed = described(0, min(rows, SAMPLE)).to_pylist()
    with timed(found, "sample"):
        for at in range(0, len(listed), GROUP_ROWS):
            pa.Table.from_pylist(listed[at : at + GROUP_ROWS], COLUMNS)
    found["objects_us_a_row"] = round(found.pop("sample_s") / len(listed) * 1e6, 1)
    return found | {"write_s": round(found["write_s"], 3), "mb": round(path.stat().st_size / 1e6, 1)}


def read_manifest(rows: int, folder: Path) -> dict:
    found: dict = {}
    with timed(found, "whole"), pq.ParquetFile(folder / "manifest.parquet") as file:
        count = sum(map(len, file.iter_batches(GROUP_ROWS, use_threads=False)))
    with timed(found, "three_columns"), pq.ParquetFile(folder / "manifest.parquet") as file:
        file.read(["image_id", "character", "status"], use_threads=False)
    assert count == rows
    return found


def nothing(rows: int, folder: Path) -> dict:
    return {}


def walk(files: int, folder: Path) -> dict:
    """Names and stats of files that exist, of one byte each."""
    found: dict = {}
    src = folder / "src"
    for number in range(files):
        home = src / f"character_{number // OF_A_CHARACTER:04d}"
        if number % OF_A_CHARACTER == 0:
            home.mkdir(parents=True)
        (home / f"{number:08d}.png").write_bytes(b"x")
    with timed(found, "find"):
        assert len(find_images(src, folder / "out").files) == files
    return found


# Step -> the most rows for which it is run.
STEPS: dict[Callable[[int, Path], dict], int] = {
    nothing: 10**9, make: 10**9, small_parts: 10**6, read_small: 10**6, merge: 10**6, listing: 10**9, keys: 10**9,
    winners: 10**9, todo_now: 10**9, todo_arrow: 10**9, rows_now: 10**9, rows_arrow: 10**9, near_many: 10**9,
    near_one: 10**6, manifest: 10**9, read_manifest: 10**9,
}  # fmt: skip
NAMED = {step.__name__: step for step in (*STEPS, walk)}


def alone(step: str, rows: int, folder: Path, memory_gb: float) -> dict:
    """The step's figures from a process of its own; `failed` in a line if it does not end well."""
    command = [sys.executable, __file__, "--step", step, "--rows", str(rows), "--folder", str(folder)]
    done = subprocess.run([*command, "--memory-gb", str(memory_gb)], capture_output=True, text=True)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1][:200]}
    return json.loads(done.stdout.splitlines()[-1])


def one_step(step: str, rows: int, folder: Path, memory_gb: float) -> dict:
    most = round(memory_gb * 1e9)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    found = NAMED[step](rows, folder)
    return found | {"peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)}


def expected_mb(found: dict[str, dict], rows: int, step: str) -> float:
    """By the largest size that was run: its memory beyond a process that does nothing grows with the rows."""
    before = max((int(each) for each in found if "peak_mb" in found[each].get(step, {})), default=0)
    if not before:
        return 0
    base = found[str(before)]["nothing"]["peak_mb"]
    return base + (found[str(before)][step]["peak_mb"] - base) * rows / before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--files", type=int, default=100_000, help="files to find, of one byte each")
    parser.add_argument("--memory-gb", type=float, default=6.0, help="the most that a step may take")
    parser.add_argument("--step", choices=NAMED, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(one_step(arguments.step, arguments.rows[0], arguments.folder, arguments.memory_gb)))
        return
    found: dict[str, dict] = {}
    for rows in arguments.rows:
        found[str(rows)] = {}
        with tempfile.TemporaryDirectory(prefix="prep-plan-") as name:
            for step in (step for step, most in STEPS.items() if rows <= most):
                expected = expected_mb(found, rows, step.__name__)
                if expected > 1000 * arguments.memory_gb:
                    figures = {"left_out": f"{expected / 1000:.1f} GB expected"}
                else:
                    figures = alone(step.__name__, rows, Path(name), arguments.memory_gb)
                found[str(rows)][step.__name__] = figures
                print(f"{rows:>12,}  {step.__name__:<14}", *(f"{key} {value}" for key, value in figures.items()),
                      sep="  ", flush=True)  # fmt: skip
                if step is merge:
                    shutil.rmtree(Path(name) / "small")
    with tempfile.TemporaryDirectory(prefix="prep-plan-") as name:
        found["files"] = {str(arguments.files): alone("walk", arguments.files, Path(name), arguments.memory_gb)}
        print(f"{arguments.files:>12,}  files         ", found["files"][str(arguments.files)])
    print(json.dumps({"benchmark": "plan", **found}))


if __name__ == "__main__":
    main()
