"""Cutting out as a job: for each picture of SRC a row that says whether its figure can be cut out, and where it is.

The pixels are not kept: composing cuts again, which takes less time than writing a mask.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from prep.composites.cut import VERSION, Cut, NoCut, cut_out
from prep.composites.figure import Figure
from prep.config import recipe
from prep.errors import ImageError, WeightsError
from prep.files import PICTURE_BYTES, read_file
from prep.ledger import Ledger, Shelf, Writer
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.protocols import Needs, Outcome
from prep.types import Problem

MATTING_BYTES = 2_000_000_000  # isnetis' weights and activations at 1024 px [estimate]
PICTURE_PEAK_BYTES = 650_000_000  # of cutting out a picture of 4096x4096 px, beside its file: measured

CUT = Shelf(
    "cut",
    (
        pa.field("how", pa.string()),  # alpha, plain, or the digest of a matting model; empty: it cannot be cut out
        pa.field("why", pa.string()),  # a clause that says why not; empty if it can
        pa.field("left", pa.int32()),  # of the figure, pixels
        pa.field("top", pa.int32()),
        pa.field("right", pa.int32()),
        pa.field("bottom", pa.int32()),
        pa.field("edges", pa.list_(pa.string())),  # of the picture, where it cuts the figure off
        pa.field("area", pa.float64()),  # share of the picture that the figure covers, 0-1
    ),
    made_again=True,
)


def cut_recipe(matting: ModelRef | None, max_pixels: int) -> str:
    return recipe("cut", VERSION, matting.digest if matting else "", max_pixels)


def figure_from_cut(row: Mapping[str, Any]) -> Figure | None:
    """The figure of a row of CUT; None if it cannot be cut out."""
    if not row["how"]:
        return None
    return Figure(row["left"], row["top"], row["right"], row["bottom"], tuple(row["edges"]))


class CutJob:
    """Looks at pictures of SRC, each an item (sha256, path relative to SRC).

    Not isolated: the scan has decoded each of these files before.
    """

    name = "cut"
    isolated = False
    batch = 16

    def __init__(self, src: Path, ledger: Ledger, matting: ModelRef | None, max_pixels: int) -> None:
        self.src = src
        self.ledger = ledger
        self.matting = matting
        self.max_pixels = max_pixels
        self.recipe = cut_recipe(matting, max_pixels)
        model = MATTING_BYTES if matting else 0
        self.needs = Needs(cpus=1, memory_bytes=PICTURE_PEAK_BYTES + 2 * 4 * max_pixels + model)

    def open(self, worker: str) -> None:
        """A file that is no matting model is not used: each row that needed it says so. Raises StoppedError."""
        self.borrowed = ExitStack()
        self.model, self.without = None, "no matting model is here"
        if self.matting:
            try:
                self.model = self.borrowed.enter_context(MEMORY.lend(self.matting))
            except WeightsError as error:
                self.without = error.message
        self.writer: Writer = self.ledger.writer(CUT, worker)

    def run(self, items: Sequence[tuple[str, str]]) -> Iterator[Outcome]:
        for sha256, path in items:
            try:
                data = read_file(self.src / path, PICTURE_BYTES, follow=True)
                if hashlib.sha256(data).hexdigest() != sha256:
                    yield Outcome(sha256, Problem("generate", "changed", "changed while prep was running", "run again"))
                    continue
                digest = self.matting.digest if self.matting else ""
                found = cut_out(data, self.max_pixels, self.model, digest, self.without)
            except OSError as error:
                message = f"can no longer be read ({error.strerror})"
                yield Outcome(sha256, Problem("generate", "gone", message, "run again"))
                continue
            except ImageError as error:
                found = NoCut(f"it cannot be opened ({error.message})")
            self.writer.append(self._row(sha256, found))
            yield Outcome(sha256)
        self.writer.flush()

    def lost(self, item: tuple[str, str]) -> Outcome:
        problem = Problem("generate", "crash", "cutting out its figure crashed", "save the image again")
        self.ledger.write(CUT, [self._row(item[0], NoCut("cutting out its figure crashed"))])
        return Outcome(item[0], problem)

    def close(self) -> Mapping[str, Any]:
        self.writer.flush()
        self.model = None
        self.borrowed.close()
        return {}

    def _row(self, sha256: str, found: Cut | NoCut) -> dict[str, Any]:
        row = {"subject": sha256, "recipe": self.recipe}
        if isinstance(found, NoCut):
            nowhere = {"left": 0, "top": 0, "right": 0, "bottom": 0, "edges": [], "area": 0.0}
            return row | {"how": "", "why": found.why, **nowhere}
        where = {name: getattr(found.figure, name) for name in ("left", "top", "right", "bottom")}
        return row | {"how": found.how, "why": "", **where, "edges": list(found.figure.edges), "area": found.area}
