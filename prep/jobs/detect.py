"""Looking for heads and bodies as a job: for each picture of SRC a row with the boxes that were found in it.

Nothing of a crop is decided here: other parts, sizes and numbers of crops open no picture again.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from prep.composites.cut import VERSION as CUT_VERSION
from prep.composites.cut import Cut, cut_out
from prep.config import recipe
from prep.crops import figure
from prep.errors import ImageError
from prep.files import PICTURE_BYTES, read_file
from prep.images import open_image, read_header
from prep.jobs.cut import PICTURE_PEAK_BYTES
from prep.ledger import Ledger, Shelf, Writer
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.process.spans import spent
from prep.protocols import Detector, Needs, Outcome
from prep.types import Box, Detected, Problem

VERSION = 1
DETECTOR_BYTES = 600_000_000  # weights and activations of four networks at 640 px [estimate]
SIDES = ("left", "top", "right", "bottom")

FOUND = Shelf(
    "found",  # subject: sha256 of the picture; the lists are as long as what was found in it, the best first
    (
        pa.field("label", pa.list_(pa.string())),
        *(pa.field(side, pa.list_(pa.int32())) for side in SIDES),  # pixels, after EXIF rotation
        pa.field("score", pa.list_(pa.float64())),  # 0-1
    ),
    made_again=True,
)


def detect_recipe(detectors: Sequence[ModelRef], max_pixels: int) -> str:
    """Without detectors: by the figure's outline."""
    how = [each.digest for each in detectors] if detectors else ["figure", figure.VERSION, CUT_VERSION]
    return recipe("detect", VERSION, *how, max_pixels)


def found_in(row: Mapping[str, Any]) -> tuple[Detected, ...]:
    """From a row of FOUND."""
    boxes = map(Box, *(row[side] for side in SIDES))
    return tuple(map(Detected, row["label"], boxes, row["score"]))


class DetectJob:
    """Looks at pictures of SRC, each an item (sha256, path relative to SRC).

    Not isolated: the scan has decoded each of these files before.
    """

    name = "detect"
    isolated = False
    batch = 16

    def __init__(self, src: Path, ledger: Ledger, detectors: Sequence[ModelRef], max_pixels: int) -> None:
        """detectors: none: the outline of a figure that can be cut out."""
        self.src = src
        self.ledger = ledger
        self.detectors = tuple(detectors)
        self.max_pixels = max_pixels
        self.recipe = detect_recipe(self.detectors, max_pixels)
        own = DETECTOR_BYTES if self.detectors else PICTURE_PEAK_BYTES
        self.needs = Needs(cpus=1, keeps_memory=True, memory_bytes=own + 2 * 4 * max_pixels)

    def open(self, worker: str) -> None:
        """Raises StoppedError, WeightsError."""
        with ExitStack() as borrowed:
            self.eyes: list[Detector] = [borrowed.enter_context(MEMORY.lend(each)) for each in self.detectors]
            self.writer: Writer = self.ledger.writer(FOUND, worker)
            self.borrowed = borrowed.pop_all()

    def run(self, items: Sequence[tuple[str, str]]) -> Iterator[Outcome]:
        for sha256, path in items:
            problem = None
            try:
                data = read_file(self.src / path, PICTURE_BYTES, follow=True)
                if hashlib.sha256(data).hexdigest() == sha256:
                    self.writer.append(self._row(sha256, self._found(data)))
                else:
                    problem = Problem("crop", "changed", "changed while prep was running", "run again")
            except OSError as error:
                problem = Problem("crop", "gone", f"can no longer be read ({error.strerror})", "run again")
            except ImageError as error:
                self.writer.append(self._row(sha256, ()))
                problem = Problem("crop", error.kind, error.message, error.hint)
            yield Outcome(sha256, problem)
        self.writer.flush()

    def lost(self, item: tuple[str, str]) -> Outcome:
        self.ledger.write(FOUND, [self._row(item[0], ())])
        return Outcome(item[0], Problem("crop", "crash", "looking for its head crashed", "save the image again"))

    def close(self) -> Mapping[str, Any]:
        self.writer.flush()
        self.eyes = []
        self.borrowed.close()
        return {}

    def _found(self, data: bytes) -> list[Detected]:
        if not self.eyes:
            cut = cut_out(data, self.max_pixels)
            return _in_full(figure.detected(cut), data, cut) if isinstance(cut, Cut) else []
        pixels = open_image(data, self.max_pixels).pixels
        with spent("infer"):
            return sorted((found for eye in self.eyes for found in eye.find(pixels)), key=lambda each: -each.score)

    def _row(self, sha256: str, found: Iterable[Detected]) -> dict[str, Any]:
        found = list(found)
        sides = {side: [getattr(each.box, side) for each in found] for side in SIDES}
        labels, scores = [each.label for each in found], [each.score for each in found]
        return {"subject": sha256, "recipe": self.recipe, "label": labels, "score": scores, **sides}


def _in_full(found: Iterable[Detected], data: bytes, cut: Cut) -> list[Detected]:
    """In pixels of the picture: a large one was reduced before its figure was cut out."""
    header = read_header(data)
    scale = max(header.width, header.height) / max(cut.mask.shape)
    return [each._replace(box=Box(*(round(side * scale) for side in each.box))) for each in found]
