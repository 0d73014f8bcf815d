"""Cutting crops as a job: each becomes a PNG, upright and on white as in an export, and a row in the ledger."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from prep.errors import ImageError
from prep.files import PICTURE_BYTES, crash_point, read_file, real_folder, write_whole
from prep.images import encode_png, open_image
from prep.jobs.detect import SIDES
from prep.jobs.draw import DRAW, measured
from prep.ledger import Ledger, Shelf, Writer
from prep.process.spans import spent
from prep.protocols import Needs, Outcome
from prep.types import Box, Part, Problem

VERSION = 1
FOLDER = "crop"  # in generated/<slug>/

PLACES = Shelf(
    "crop",  # subject: sha256 of a crop as prep cut it; recipe: its key
    (
        pa.field("parent", pa.string()),  # sha256 of the picture that it was cut from
        *(pa.field(side, pa.int32()) for side in SIDES),  # in that picture's pixels, after EXIF rotation
    ),
    made_again=True,
)


@dataclass(frozen=True)
class Cutting:
    """One crop: of what, and which part of it."""

    character: str
    parent: str  # sha256 of the real picture
    part: Part
    box: Box  # pixels of the parent, after EXIF rotation

    @cached_property
    def key(self) -> str:
        """16 hex digits: the name of its file."""
        made_of = [VERSION, self.character, self.parent, self.part, *self.box]
        return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]

    def place(self, slug: str) -> str:
        """Its path, relative to the dataset folder."""
        return f"generated/{slug}/{FOLDER}/{self.key}.png"


class CropJob:
    """Cuts crops out of pictures of SRC. An item: (path of the parent relative to SRC, its crops).

    Not isolated: the scan has decoded each of these files before.
    """

    name = "crop"
    isolated = False
    batch = 16

    def __init__(
        self, src: Path, out: Path, ledger: Ledger, slugs: Mapping[str, str], measure_px: int, max_pixels: int
    ) -> None:
        """out: the dataset folder."""
        self.src, self.out = src, out
        self.ledger = ledger
        self.slugs = dict(slugs)
        self.measure_px = measure_px
        self.max_pixels = max_pixels
        self.needs = Needs(cpus=1, keeps_memory=True, memory_bytes=2 * 4 * max_pixels)

    def open(self, worker: str) -> None:
        self.writer: Writer = self.ledger.writer(DRAW, worker)

    def run(self, items: Sequence[tuple[str, Sequence[Cutting]]]) -> Iterator[Outcome]:
        for path, crops in items:
            problem = None
            try:
                data = read_file(self.src / path, PICTURE_BYTES, follow=True)
                if hashlib.sha256(data).hexdigest() == crops[0].parent:
                    self._cut(data, crops)
                else:
                    problem = Problem("crop", "changed", "changed while prep was running", "run again")
            except ImageError as error:
                problem = Problem("crop", error.kind, error.message, error.hint)
            except FileNotFoundError as error:
                problem = Problem("crop", "gone", f"can no longer be read ({error.strerror})", "run again")
            yield Outcome(crops[0].parent, problem)
        self.writer.flush()

    def lost(self, item: tuple[str, Sequence[Cutting]]) -> Outcome:
        problem = Problem("crop", "crash", "cutting its crops crashed", "save the image again")
        return Outcome(item[1][0].parent, problem)

    def close(self) -> Mapping[str, Any]:
        self.writer.flush()
        return {}

    def _cut(self, data: bytes, crops: Sequence[Cutting]) -> None:
        pixels = open_image(data, self.max_pixels).pixels
        for crop in crops:
            left, top, right, bottom = crop.box
            part = pixels[top:bottom, left:right]
            path = self.out / crop.place(self.slugs[crop.character])
            with spent("write"):
                png = encode_png(part)
            real_folder(self.out, *path.relative_to(self.out).parts[:-1])
            row = {}
            if os.path.lexists(path):  # the user's version, or written before a kill: it is looked at next
                row = {"mtime_ns": 0}
            else:
                with spent("write"):
                    write_whole(path, png)
            crash_point("cropped")
            self.writer.append(measured(crop.key, part, png, path, self.measure_px) | row)
