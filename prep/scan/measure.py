"""Files to records: identity, size, edges, sharpness, perceptual hash, from one read and one decode; and, for whoever
reads its tags along, the picture at the size that a tagger begins with.

An unreadable image is a record too, with its problem. Nothing here knows about tags.
"""

import hashlib
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prep.blocks import batched
from prep.book import Book
from prep.config import recipe
from prep.errors import ImageError
from prep.files import PICTURE_BYTES, read_file
from prep.images import fitted, measures, open_image, pixel_hash
from prep.ledger import Ledger, Shelf, Writer
from prep.process.spans import spent
from prep.protocols import Needs, Outcome
from prep.scan.kinds import START_BYTES, unread_format
from prep.scan.listing import Found
from prep.scan.select import unfit
from prep.sections import Scan
from prep.types import ImageRef, Problem

VERSION = 2
SETTLED_NS = 2_000_000_000  # a file younger than this when it was read may have changed since, with the same mtime

SCAN = Shelf(
    "scan",
    (
        pa.field("size", pa.int64()),
        pa.field("mtime_ns", pa.int64()),
        pa.field("inode", pa.int64()),
        pa.field("seen_ns", pa.int64()),
        pa.field("sha256", pa.string()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("format", pa.string()),
        pa.field("edge_density", pa.float64()),
        pa.field("sharpness", pa.float64()),
        pa.field("phash", pa.string()),
        pa.field("pixels", pa.string()),
        pa.field("flags", pa.list_(pa.string())),
        pa.field("problem", pa.string()),
        pa.field("message", pa.string()),
        pa.field("hint", pa.string()),
    ),
    made_again=True,
)


class Measured(NamedTuple):
    """A row of the scan: its columns by the same names, without subject and recipe."""

    size: int
    mtime_ns: int
    inode: int
    seen_ns: int
    sha256: str
    width: int
    height: int
    format: str
    edge_density: float
    sharpness: float
    phash: str
    pixels: str
    flags: Sequence[str]
    problem: str | None
    message: str | None
    hint: str | None


def scan_recipe(max_pixels: int, measure_px: int) -> str:
    return recipe("scan", VERSION, max_pixels, measure_px)


def path_key(path: str) -> str:
    """A path as a ledger key: Arrow strings are UTF-8, but file names need not be."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")


def measured_before(book: Book, files: Iterable[Found]) -> Iterator[tuple[Found, Measured | None]]:
    """Each file with the row of its path, whether or not the file is still as it was."""
    for block in batched(files):
        rows = book.values((path_key(file.path) for file in block), *Measured._fields)
        yield from zip(block, (row and Measured(*row) for row in rows), strict=True)


def is_current(row: Measured | None, found: Found) -> bool:
    """Git's rule: an unchanged stat, older than the last read, means unchanged content."""
    return (
        row is not None
        and row.size == found.size
        and row.mtime_ns == found.mtime_ns
        and row.inode == found.inode
        and found.mtime_ns + SETTLED_NS < row.seen_ns
    )


def is_whole(row: Measured) -> bool:
    """Whether it has everything that is measured now: 0.1.0 did not hash pixels, and called a picture damaged if its
    profile or text is larger than Pillow accepts.
    """
    return bool(row.pixels or row.problem and "MAX_TEXT" not in (row.message or ""))


def by_stat(book: Book, files: Iterable[Found]) -> dict[str, Measured]:
    """Path -> the row of another path with the same size, time and inode: the file was renamed since it was read."""
    files = list(files) if len(book) else []
    if not files:
        return {}
    table = book.table.select(["size", "mtime_ns", "inode", "subject"])
    times = pa.array({file.mtime_ns for file in files}, pa.int64())
    rows = zip(*(each.to_pylist() for each in table.filter(pc.is_in(table["mtime_ns"], times)).columns), strict=True)
    known = {tuple(stat): subject for *stat, subject in rows}
    found = {file.path: known.get((file.size, file.mtime_ns, file.inode)) for file in files}
    there = {path: subject for path, subject in found.items() if subject is not None}
    rows = book.values(there.values(), *Measured._fields)
    return {path: Measured(*row) for path, row in zip(there, rows, strict=True)}


def ref_from_scan(found: Found, row: Measured) -> ImageRef:
    problem = Problem("scan", row.problem, row.message, row.hint) if row.problem else None
    return ImageRef(
        sha256=row.sha256,
        path=found.path,
        character=found.character,
        width=row.width,
        height=row.height,
        format=sys.intern(row.format),
        bytes=row.size,
        edge_density=row.edge_density,
        sharpness=row.sharpness,
        phash=row.phash,
        flags=tuple(row.flags),
        pixels=row.pixels or "",
        problem=problem,
        variant=found.variant,
    )


@dataclass(frozen=True, slots=True)
class Seen(Outcome):
    """A picture that the rules would keep, for whoever reads its tags along."""

    sha256: str = ""
    small: np.ndarray | None = None  # uint8 [h, w, 3], by images.fitted


@dataclass(frozen=True)
class Along:
    """What a tagger that reads along gets: the pictures that these rules keep, at the size that it begins with."""

    fitted_px: int
    rules: Scan


class ScanJob:
    """Reads and measures files. Isolated: a decoder that crashes its process costs one image."""

    name = "scan"
    isolated = True

    def __init__(
        self, src: Path, ledger: Ledger, max_pixels: int, measure_px: int, batch: int, along: Along | None = None
    ) -> None:
        """along: outcomes of pictures to keep are Seen."""
        self.along = along
        self.src = src
        self.ledger = ledger
        self.max_pixels = max_pixels
        self.measure_px = measure_px
        self.batch = batch
        self.recipe = scan_recipe(max_pixels, measure_px)
        # A decoded picture of max_pixels, and a second copy while it is rotated or flattened. Memory is kept, so that a
        # worker reaches its peak with its first images, and not all workers at the same moment.
        self.needs = Needs(keeps_memory=True, memory_bytes=2 * 4 * max_pixels)

    def open(self, worker: str) -> None:
        self.writer: Writer = self.ledger.writer(SCAN, worker)

    def run(self, items: Sequence[Found]) -> Iterator[Outcome]:
        for found in items:
            row, pixels = self.measured(found)
            self.writer.append(row)
            yield self._outcome(found.path, row, pixels)
        self.writer.flush()

    def lost(self, item: Found) -> Outcome:
        problem = Problem("scan", "crash", "its decoder crashed", "save the image again with another program")
        self.ledger.write(SCAN, [self._row(item, time.time_ns(), size=item.size, problem=problem)])
        return Outcome(item.path, problem)

    def close(self) -> Mapping[str, Any]:
        self.writer.flush()
        return {}

    def _outcome(self, path: str, row: Mapping[str, Any], pixels: np.ndarray | None) -> Outcome:
        along = self.along
        if not along or pixels is None or unfit(row["width"], row["height"], row["sharpness"], along.rules):
            return Outcome(path, _problem(row))
        return Seen(path, None, row["sha256"], fitted(pixels, along.fitted_px))

    def measured(self, found: Found) -> tuple[dict[str, Any], np.ndarray | None]:
        """-> (its row, its pixels; None: it could not be read)."""
        seen_ns = time.time_ns()
        try:
            with spent("read"):
                data = read_file(self.src / found.path, PICTURE_BYTES, follow=True)
        except OSError as error:
            problem = Problem("scan", "unreadable", f"cannot be read ({error.strerror})", "check disk and permissions")
            return self._row(found, seen_ns=0, problem=problem), None
        digest = hashlib.sha256(data).hexdigest()
        try:
            picture = open_image(data, self.max_pixels)
        except ImageError as error:
            known = unread_format(data[:START_BYTES]) if error.kind == "not_an_image" else None
            problem = known.problem if known else Problem("scan", error.kind, error.message, error.hint)
            return self._row(found, seen_ns, digest, len(data), problem=problem), None
        row = self._row(found, seen_ns, digest, len(data))
        row |= {
            "width": picture.width,
            "height": picture.height,
            "format": picture.format,
            **measures(picture.pixels, self.measure_px),
            "pixels": pixel_hash(picture.pixels),
            "flags": list(picture.flags),
        }
        return row, picture.pixels

    def _row(
        self, found: Found, seen_ns: int = 0, digest: str = "", size: int = 0, problem: Problem | None = None
    ) -> dict[str, Any]:
        return {
            "subject": path_key(found.path),
            "recipe": self.recipe,
            "size": size,
            "mtime_ns": found.mtime_ns,
            "inode": found.inode,
            "seen_ns": seen_ns,
            "sha256": digest,
            "width": 0,
            "height": 0,
            "format": "",
            "edge_density": 0.0,
            "sharpness": 0.0,
            "phash": "",
            "pixels": "",
            "flags": [],
            "problem": problem.kind if problem else None,
            "message": problem.message if problem else None,
            "hint": problem.hint if problem else None,
        }


def _problem(row: dict[str, Any]) -> Problem | None:
    return Problem("scan", row["problem"], row["message"], row["hint"]) if row["problem"] else None
