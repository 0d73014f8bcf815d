"""Made-up rows of the scan, the tagger and a manifest, as Arrow's columns: no Python object per row."""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prep.dataset.manifest import COLUMNS
from prep.jobs.tag import TAG
from prep.ledger import Shelf
from prep.scan.measure import SCAN

BLOCK = 1_000_000  # rows made at once, and rows of a merged part
OF_A_CHARACTER = 1000
SCORES, CAPTION_TAGS = 40, 20  # per picture: above the tagger's floor, and above the threshold
TAGS = 9176  # names of DeepDanbooru
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
