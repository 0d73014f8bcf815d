"""The steps of a plan over made-up rows: each takes the number of rows and a folder, and returns its figures.

`_s` are CPU seconds of this process. Steps in a folder build on each other: `make` comes first.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from plan_rows import MADE, OF_A_CHARACTER, blocks, described

from prep.blocks import BATCH, Packed
from prep.book import Book
from prep.dataset.manifest import COLUMNS, GROUP_ROWS
from prep.index import values
from prep.jobs.tag import TAG
from prep.ledger import FLUSH_ROWS, Ledger
from prep.parts import number_of, parts_in, write_part
from prep.scan._hashes import have_close
from prep.scan.find import find_images
from prep.scan.listing import Found
from prep.scan.measure import SCAN, is_current, is_whole, measured_before, ref_from_scan
from prep.scan.select import select
from prep.sections import Scan
from prep.winners import winners as last_rows

DONE = 0.9  # the share of the pictures that are tagged
SAMPLE = 20_000  # rows of which Python objects are made where all would take too long


@contextmanager
def timed(found: dict, name: str) -> Iterator[None]:
    began = time.process_time()
    yield
    found[f"{name}_s"] = round(found.get(f"{name}_s", 0) + time.process_time() - began, 3)


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
        for start, count in blocks(rows):
            some = table(start, count)
            with timed(found, f"{stage}_write"):
                for at in range(0, count, FLUSH_ROWS):
                    name = f"000001-main-{(start + at) // FLUSH_ROWS + 1:06d}.parquet"
                    write_part(some.slice(at, FLUSH_ROWS), home / name)
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
        last_rows([table])
    return found


def todo_now(rows: int, folder: Path) -> dict:
    """What is untagged, as the tag stage asks: a Book, which finds its subjects by their hashes."""
    found: dict = {}
    wanted = _keys(folder, "scan", "sha256")["sha256"].combine_chunks()
    with timed(found, "join"):
        book = Book(Ledger(folder / "ledger").table(TAG))
        todo = list(book.lacks(values(wanted)))
    return found | {"todo": len(todo)}


def todo_arrow(rows: int, folder: Path) -> dict:
    found: dict = {}
    with timed(found, "join"):
        wanted, done = _keys(folder, "scan", "sha256")["sha256"], _keys(folder, "tag", "subject")["subject"]
        todo = wanted.filter(pc.invert(pc.is_in(wanted, done)))
    return found | {"todo": len(todo)}


def rows_now(rows: int, folder: Path) -> dict:
    """The scan stage over unchanged files: their rows, packed, and which may enter the set."""
    found: dict = {}
    table = _keys(folder, "scan", "subject", "size", "mtime_ns", "inode")
    files = Packed(
        Found(path, path[:20], *stat)
        for batch in table.to_batches(BATCH)
        for path, *stat in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    )
    del table
    with timed(found, "book"):
        book = Book(Ledger(folder / "ledger").table(SCAN))
    with timed(found, "select"):
        known = measured_before(book, files)
        refs = (ref_from_scan(file, row) for file, row in known if is_current(row, file) and is_whole(row))
        assert len(Packed(select(refs, Scan()))) == rows
    return found


def rows_arrow(rows: int, folder: Path) -> dict:
    """The same on columns, part by part: which files are as they were, and how many pictures another may equal."""
    found: dict = {}
    current, digests = 0, []
    for part in parts_in(folder / "ledger" / "scan"):
        with timed(found, "join"):
            names = ["subject", "size", "mtime_ns", "inode", "sha256"]
            table = pq.ParquetFile(part).read(names, use_threads=False).combine_chunks()
            at = pc.index_in(table["subject"], table["subject"]).to_numpy()
            stats = [table[name].to_numpy() for name in ("size", "mtime_ns", "inode")]
            current += np.count_nonzero(np.logical_and.reduce([each[at] == each for each in stats]))
            digests.append(first_bits(table["sha256"].chunk(0)))
    with timed(found, "copies"):
        same_bits = rows - len(np.unique(np.concatenate(digests)))
    return found | {"current": int(current), "may_be_copies": same_bits}


def first_bits(digests: pa.Array) -> np.ndarray:
    """N strings of 64 hex digits -> uint64 [N]: the first 16 of each."""
    letters = np.frombuffer(digests.buffers()[2], np.uint8, 64 * len(digests)).reshape(-1, 64)[:, :16]
    values = np.where(letters < 58, letters - 48, letters - 87).astype(np.uint8)
    return (values[:, ::2] << 4 | values[:, 1::2]).view(">u8").ravel()


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
    found: dict = {}
    path = folder / "manifest.parquet"
    with pq.ParquetWriter(path, COLUMNS, compression="zstd", write_page_checksum=True) as writer:
        for start in range(0, rows, 100 * GROUP_ROWS):
            some = described(start, min(100 * GROUP_ROWS, rows - start))
            with timed(found, "write"):
                for at in range(0, len(some), GROUP_ROWS):
                    writer.write_table(some.slice(at, GROUP_ROWS))
    listed = described(0, min(rows, SAMPLE)).to_pylist()
    with timed(found, "sample"):
        for at in range(0, len(listed), GROUP_ROWS):
            pa.Table.from_pylist(listed[at : at + GROUP_ROWS], COLUMNS)
    found["objects_us_a_row"] = round(found.pop("sample_s") / len(listed) * 1e6, 1)
    return found | {"mb": round(path.stat().st_size / 1e6, 1)}


def read_manifest(rows: int, folder: Path) -> dict:
    found: dict = {}
    with pq.ParquetFile(folder / "manifest.parquet", pre_buffer=False) as file:  # else all of it is held
        with timed(found, "whole"):
            count = sum(map(len, file.iter_batches(1024, use_threads=False)))
        with timed(found, "three_columns"):
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
