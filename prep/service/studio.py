"""What the lane does for each kind of work: orders, and jobs, whose pictures and notes are in a folder of their own."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from prep.captions.from_settings import composer_of
from prep.errors import ImageError
from prep.files import write_whole
from prep.images import Picture as Pixels
from prep.images import encode_png, read_header
from prep.jobs.draw import parameters
from prep.jobs.read import reading
from prep.models.matting import matting_of
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.protocols import Card
from prep.sections import Settings
from prep.service import dataset
from prep.service.composing import compose, figure_of
from prep.service.drawing import Kept, draw
from prep.service.loop import loop, loop_result
from prep.service.orders import Drawn, Order, picture_fields
from prep.service.store import Job
from prep.service.work import Work
from prep.types import Picture

PROMPT_BYTES = 2 * 10**9  # of encoded prompts, 3 MB each for SD3.5
FILES = ("image", "mask")  # of an order: the job's inputs, in this order


@dataclass(frozen=True)
class Studio:
    """All of it happens in the lane's thread."""

    settings: Settings
    tagger: ModelRef
    generator: ModelRef | None
    card: Card | None
    run_arguments: tuple[str, ...] = ()  # of `prep run`, for datasets

    def carry_out(self, job: Job, place: Path, inputs: Sequence[bytes], work: Work) -> dict[str, Any]:
        """place: the job's folder; what an earlier start made in it is not made again. -> the job's result.

        Raises PrepError, Halted.
        """
        if job.kind == "draw":
            return self._order(job, place, inputs, work)
        if job.kind == "loop":
            done = loop(inputs[0], job.spec["character"], job.spec["count"], self.settings, place, work)
            return loop_result(done, place)
        MEMORY.clear()  # the run has its own models
        src, out = Path(job.spec["source"]), Path(job.spec["out"])
        return dataset.run(src, out, self.run_arguments, work, place / "process.json")

    def draw(self, order: Order, work: Work, keep: Kept = lambda *_: None, there: Sequence[int] = ()) -> Drawn:
        """keep: called with each picture as it is done. there: numbers that are not drawn again. Raises Refused,
        Halted.
        """
        work.pictures, work.picture = len(order.seeds), len(there)
        prompts, most = Path(self.settings.serve.folder) / "prompts", self.settings.serve.max_pixels
        keep_newest(prompts, PROMPT_BYTES)

        def scene(each: Order) -> Drawn:
            found = draw(each, self.generator, self.card, prompts, most, work)
            work.picture -= len(found.pictures)  # a scene is no picture of the order
            return found

        def kept(number: int, picture: Picture, pixels: np.ndarray) -> None:
            keep(number, picture, pixels)
            work.drawn()

        if order.manner != "composite":
            return draw(order, self.generator, self.card, prompts, most, work, keep, there)
        cut = figure_of(order.image or b"", most, matting_of(self.settings))
        return compose(order, cut, scene, self._names, kept, there)

    def _order(self, job: Job, place: Path, inputs: Sequence[bytes], work: Work) -> dict[str, Any]:
        own = {each.name for each in fields(Order)}
        spec = {name: value for name, value in job.spec.items() if name in own}
        order = Order(**spec | {"seeds": tuple(spec["seeds"])}, **dict(zip(FILES, inputs, strict=False)))
        notes = place / "drawn.json"
        drawn = _drawn_before(notes)

        def keep(number: int, picture: Picture, pixels: np.ndarray) -> None:
            file = f"{number}.png"
            write_whole(place / file, encode_png(pixels, {"parameters": parameters(picture)}), sync=True)
            drawn[str(number)] = picture_fields(file, picture, order.manner, *pixels.shape[1::-1])
            write_whole(notes, json.dumps(drawn).encode(), sync=True)

        self.draw(order, work, keep, tuple(map(int, drawn)))
        return {"pictures": [drawn[number] for number in sorted(drawn, key=int)]}

    def _names(self, pixels: np.ndarray) -> list[str]:
        """The tags in a picture (uint8 [H, W, 3])."""
        with reading(self.tagger) as reader:
            scores = reader.read([reader.prepare(Pixels(pixels, "png", ()))])[0]
            return composer_of(self.settings, reader.vocabulary).names(scores, "complex")


def _drawn_before(notes: Path) -> dict[str, Any]:
    """Number -> what is told of a picture that an earlier start drew, and that is whole."""
    try:
        found = json.loads(notes.read_bytes())
        for each in found.values():
            read_header((notes.parent / each["file"]).read_bytes())
        return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImageError):
        return {}


def keep_newest(folder: Path, most_bytes: int) -> None:
    """Remove the oldest files of a folder until the others have at most so many bytes."""
    with suppress(FileNotFoundError):
        found = sorted(((path.stat().st_mtime, path.stat().st_size, path) for path in folder.iterdir()), reverse=True)
        for (_, _, path), total in zip(found, accumulate(size for _, size, _ in found), strict=True):
            if total > most_bytes:
                path.unlink()
