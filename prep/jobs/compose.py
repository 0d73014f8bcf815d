"""Composing as a job: the figure of a real picture before a drawn scene, as the request says. Draws nothing itself."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from prep.composites.cut import Cut, NoCut, cut_out
from prep.composites.layout import check_enlarged, layout_of
from prep.composites.place import composed
from prep.errors import ImageError
from prep.files import PICTURE_BYTES, read_file
from prep.images import open_image
from prep.jobs.cut import MATTING_BYTES, PICTURE_PEAK_BYTES
from prep.jobs.draw import DRAW, keep
from prep.ledger import Ledger, Writer
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.protocols import Needs, Outcome
from prep.types import GenerationRequest, Problem

BY_HOW = ("alpha", "plain")  # ways of cutting out that need no model


class ComposeJob:
    """Composes requests whose manner is `composite`. Those with the same parent should follow one another: a figure is
    kept until another one is needed.
    """

    name = "compose"
    isolated = False
    batch = 8

    def __init__(
        self,
        out: Path,
        ledger: Ledger,
        matting: ModelRef | None,
        parents: dict[str, Path],
        scenes: dict[str, Path],
        slugs: dict[str, str],
        measure_px: int,
        max_pixels: int,
    ) -> None:
        """parents: sha256 -> the file of a real image. scenes: a scene's key -> its file."""
        self.out = out
        self.ledger = ledger
        self.matting = matting
        self.parents = parents
        self.scenes = scenes
        self.slugs = slugs
        self.measure_px = measure_px
        self.max_pixels = max_pixels
        model = MATTING_BYTES if matting else 0
        self.needs = Needs(cpus=1, memory_bytes=PICTURE_PEAK_BYTES + 2 * 4 * max_pixels + model)

    def open(self, worker: str) -> None:
        self.writer: Writer = self.ledger.writer(DRAW, worker)
        self.borrowed = ExitStack()
        self.model = None
        self.cut: tuple[str, str, Cut] | None = None  # parent, how, its figure

    def run(self, items: Sequence[GenerationRequest]) -> Iterator[Outcome]:
        for request in items:
            problem = None
            try:
                pixels = self._composed(request)
            except OSError as error:
                problem = Problem("generate", "gone", f"{error.filename} can no longer be read", "run again")
            except ImageError as error:
                problem = Problem("generate", error.kind, error.message, error.hint)
            if not problem:
                keep(request, pixels, self.out, self.slugs, self.measure_px, self.writer)
            yield Outcome(request.key, problem)

    def lost(self, item: GenerationRequest) -> Outcome:
        return Outcome(item.key, Problem("generate", "crash", "composing it crashed", "run again"))

    def close(self) -> Mapping[str, Any]:
        self.writer.flush()
        self.model = self.cut = None
        self.borrowed.close()
        return {}

    def _composed(self, request: GenerationRequest) -> np.ndarray:
        """uint8 [H, W, 3]. Raises ImageError that names the parent or the scene; OSError with such a name."""
        cut = self._figure(request)
        with _named(f"its scene {request.scene}"):
            if request.scene not in self.scenes:
                raise ImageError("gone", "its picture is gone", "run again: it is drawn in another way")
            data = read_file(self.scenes[request.scene], PICTURE_BYTES, follow=True)
            scene = open_image(data, self.max_pixels).pixels
            check_enlarged(scene.shape[1::-1], (request.width, request.height))
        with _named(f"its parent {self.parents[request.parent].name}"):
            layout = layout_of(cut.figure, (request.width, request.height), request.seed)
        return composed(cut, scene, layout)

    def _figure(self, request: GenerationRequest) -> Cut:
        if self.cut is None or self.cut[:2] != (request.parent, request.cut):
            self.cut = None
            with _named(f"its parent {self.parents[request.parent].name}"):
                self.cut = (request.parent, request.cut, self._cut_out(self.parents[request.parent], request.cut))
        return self.cut[2]

    def _cut_out(self, path: Path, how: str) -> Cut:
        by_model = how not in BY_HOW
        if by_model and self.model is None and self.matting:
            self.model = self.borrowed.enter_context(MEMORY.lend(self.matting))
        digest = self.matting.digest if self.matting else ""
        data = read_file(path, PICTURE_BYTES, follow=True)
        found = cut_out(data, self.max_pixels, self.model if by_model else None, digest)
        if isinstance(found, NoCut):
            raise ImageError(
                "not_cut_out", f"its figure cannot be cut out: {found.why}", "run again: it is drawn in another way"
            )
        if found.how != how:
            raise ImageError(
                "not_cut_out", "its figure is cut out in another way than when it was planned", "run again"
            )
        return found


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    """Errors about a file begin with what it is. Raises ImageError, OSError."""
    try:
        yield
    except ImageError as error:
        raise ImageError(error.kind, f"{what}: {error.message}", error.hint) from None
    except OSError as error:
        raise OSError(error.errno, error.strerror, what) from None
