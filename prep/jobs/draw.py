"""Drawing as a job: each request becomes a PNG that says how it was made, and a row in the ledger."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prep.config import recipe
from prep.errors import ImageError
from prep.files import PICTURE_BYTES, crash_point, read_file, real_folder, write_whole
from prep.images import covering, encode_png, measures, open_image
from prep.ledger import Ledger, Shelf, Writer
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.process.spans import spent, spent_on_each
from prep.protocols import Generator, Needs, Outcome
from prep.system import numbers_of
from prep.types import RETOUCHED, GenerationRequest, ImageRef, Picture, Problem

VERSION = 1
AT_ONCE = 64  # requests passed to the generator together
# 0.1.0 wrote them into the PNG in this order, and the PNG's hash depends on it.
WRITTEN = ("kind character prompt negative width height steps guidance sampler strength parent index asked changes "
           "generator weights precision").split()  # fmt: skip

DRAW = Shelf(
    "draw",
    (
        pa.field("sha256", pa.string()),  # of the PNG
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("bytes", pa.int64()),
        pa.field("edge_density", pa.float64()),
        pa.field("sharpness", pa.float64()),
        pa.field("phash", pa.string()),
        pa.field("mtime_ns", pa.int64()),
        pa.field("inode", pa.int64()),
        pa.field("format", pa.string()),  # null: png, as drawn
        pa.field("flags", pa.list_(pa.string())),  # as for a picture in SRC: alpha, rotated, mode, ...
        pa.field("hand", pa.bool_()),  # it is the user's version
    ),
    made_again=True,
)


def draw_recipe(measure_px: int) -> str:
    return recipe("draw", VERSION, measure_px)


def png_of(request: GenerationRequest, pixels: np.ndarray) -> bytes:
    """pixels: uint8 [H, W, 3], RGB -> a PNG that says how it was drawn."""
    content = request.content
    written = {name: content[name] for name in (*WRITTEN, *(name for name in content if name not in WRITTEN))}
    return encode_png(pixels, {"parameters": parameters(request), "prep": json.dumps(written, ensure_ascii=False)})


def places(request: GenerationRequest, slug: str) -> tuple[str, str]:
    """(its path, its path when rejected), relative to the dataset folder."""
    home = f"generated/{slug}"
    return f"{home}/{request.kind}/{request.key}.png", f"{home}/rejected/{request.key}.png"


def parameters(request: Picture) -> str:
    """The text that image tools read from a PNG."""
    model = f"Size: {request.width}x{request.height}, Model: {request.generator}"
    strength = "" if request.strength is None else f", Denoising strength: {request.strength}"
    if request.manner == "edit":
        strength += f", Edit: FlowEdit, Source CFG scale: {request.source_guidance}"
    elif request.manner == "composite":
        strength += f", Composite: before scene {request.scene}"
    return (
        f"{request.whole_prompt}\nNegative prompt: {request.negative}\n"
        f"Steps: {request.steps}, Sampler: {request.sampler}, CFG scale: {request.guidance}, Seed: {request.seed}, "
        f"{model}{strength}"
    )


def measured(key: str, pixels: np.ndarray, data: bytes, path: Path, measure_px: int) -> dict:
    """The ledger's row of a drawn picture. path: where it is."""
    _, mtime_ns, inode = numbers_of(path.stat())
    return {
        "mtime_ns": mtime_ns,
        "inode": inode,
        "subject": key,
        "recipe": draw_recipe(measure_px),
        "sha256": hashlib.sha256(data).hexdigest(),
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "bytes": len(data),
        **measures(pixels, measure_px),
    }


def ref_from_draw(request: GenerationRequest, row: dict, path: str) -> ImageRef:
    measures = {
        name: row[name] for name in ("sha256", "width", "height", "bytes", "edge_density", "sharpness", "phash")
    }
    flags = (*(row["flags"] or ()), *((RETOUCHED,) if row["hand"] else ()))
    return ImageRef(path=path, character=request.character, format=row["format"] or "png", flags=flags, **measures)


def keep(
    request: GenerationRequest, pixels: np.ndarray, out: Path, slugs: dict[str, str], measure_px: int, writer: Writer
) -> None:
    """Write the picture (uint8 [H, W, 3], RGB) and its row in the DRAW shelf. out: the dataset folder."""
    path = out / places(request, slugs[request.character])[0]
    with spent("write"):
        data = png_of(request, pixels)
        real_folder(out, *path.relative_to(out).parts[:-1])
        write_whole(path, data)
    crash_point("drawn")
    writer.append(measured(request.key, pixels, data, path, measure_px))
    writer.flush()  # a picture may take minutes


class DrawJob:
    """Draws requests, each with its parent picture, if any."""

    name = "draw"
    isolated = False

    def __init__(
        self,
        out: Path,
        ledger: Ledger,
        generator: ModelRef,
        parents: dict[str, Path],
        slugs: dict[str, str],
        measure_px: int,
        max_pixels: int,
        pictures: Sequence[GenerationRequest],
    ) -> None:
        """parents: sha256 -> the file of a real image. pictures: all that will be requested, since their prompts are
        encoded together."""
        self.out = out
        self.ledger = ledger
        self.generator = generator
        self.parents = parents
        self.slugs = slugs
        self.measure_px = measure_px
        self.max_pixels = max_pixels
        self.pictures = tuple(pictures)
        self.batch = AT_ONCE
        # SD3.5-large in FP8 on a CPU takes at most 9.4 GB (README); other weights take about their own size.
        gpu, elsewhere = generator.options.device != "cpu", generator.spec.remote
        self.needs = Needs(cpus=1, gpu=gpu, elsewhere=elsewhere, memory_bytes=9_400_000_000)

    @property
    def kept(self) -> Path:
        """The folder of encoded prompts, which the next run may use again."""
        return self.out / ".prep" / "prompts"

    def open(self, worker: str) -> None:
        with ExitStack() as borrowed:
            self.drawer: Generator = borrowed.enter_context(MEMORY.lend(self.generator))
            self.writer: Writer = self.ledger.writer(DRAW, worker)
            with spent("encode"):
                self.drawer.encode(self.pictures, self.kept)
            self.borrowed = borrowed.pop_all()

    def run(self, items: Sequence[GenerationRequest]) -> Iterator[Outcome]:
        ready, parents = {}, {}
        for request in items:
            problem = self._parent(request, parents)
            if problem:
                yield Outcome(request.key, problem)
            else:
                ready[request.key] = request
        for key, pixels in spent_on_each("draw", self.drawer.draw(list(ready.values()), parents, self.kept)):
            keep(ready[key], pixels, self.out, self.slugs, self.measure_px, self.writer)
            yield Outcome(key)

    def lost(self, item: GenerationRequest) -> Outcome:
        return Outcome(item.key, Problem("generate", "crash", "drawing it crashed", "run again"))

    def close(self) -> Mapping[str, Any]:
        self.writer.flush()
        notes = dict(self.drawer.notes)
        self.borrowed.close()
        return notes

    def _parent(self, request: GenerationRequest, parents: dict[str, np.ndarray]) -> Problem | None:
        if request.strength is None or request.parent in parents:
            return None
        try:
            pixels = open_image(
                read_file(self.parents[request.parent], PICTURE_BYTES, follow=True), self.max_pixels
            ).pixels
            parents[request.parent] = covering(
                pixels, request.width, request.height
            )  # a whole batch of them is held in memory
        except OSError as error:
            return Problem("generate", "gone", f"its parent can no longer be read ({error.strerror})", "run again")
        except ImageError as error:
            return Problem("generate", error.kind, f"its parent {error.message}", error.hint)
        return None
