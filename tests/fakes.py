"""Fakes at the protocols' seams."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from prep.options import TaggerOptions
from prep.protocols import Job, Notes, Outcome
from prep.taggers import TAGGERS
from prep.types import Box, Detected, Vocabulary
from tests.support.pictures import TAGS


class FakeRunner:
    """Runs every batch right here, isolated or not: no process is started."""

    def begin(self, src: Path, out: Path) -> None:
        pass

    def map(self, job: Job, work: Sequence[Any]) -> Iterator[Outcome | Notes]:
        if work:
            job.open("fake")
            try:
                for at in range(0, len(work), job.batch):
                    yield from job.run(work[at : at + job.batch])
            except BaseException:
                job.close()
                raise
            if notes := job.close():
                yield Notes(notes)


class FakeTagger:
    """Answers from the picture's mean colour, and counts what it is asked."""

    name = "fake"
    vocabulary = Vocabulary(
        hashlib.sha256("\n".join(TAGS).encode()).hexdigest()[:16],
        TAGS,
        tuple("rating" if tag.startswith("rating:") else "general" for tag in TAGS),
    )

    def __init__(self, batch_size: int = 4) -> None:
        self.batch_size = batch_size
        self.prepared = 0
        self.scored = 0

    def prepare(self, image: np.ndarray) -> np.ndarray:
        self.prepared += 1
        return np.full((8, 8, 3), image.mean((0, 1)) / 255, np.float32)

    def scores(self, batch: np.ndarray) -> np.ndarray:
        self.scored += len(batch)
        mean = batch.mean((1, 2, 3))[:, None]
        return (0.2 + 0.7 * np.abs(np.sin(7 * mean + np.arange(len(TAGS))))).astype(np.float32)


_make: Callable[[TaggerOptions], Any] = lambda options: FakeTagger(options.batch)  # noqa: E731 - tests put another here


def fake_tagger(name: str, files: dict, options: TaggerOptions) -> Any:
    """A tagger's maker, as the registry names it."""
    return _make(options)


def read_with(make: Callable[[TaggerOptions], Any]) -> None:
    """In this process, what make gives reads instead of any checkpoint file. In a test: the fixture `reads_with`."""
    global _make
    _make = make
    TAGGERS.members["file"] = replace(TAGGERS.members["file"], maker=f"{__name__}:fake_tagger")


class FakeWitness:
    """Sees a picture's mean colour; identity is how far it is from the real ones', damage how light it is."""

    def __init__(self, about: str = "damage", bound: float = 0.5) -> None:
        self.about, self.bound = about, bound
        self.looked = self.measured = 0

    def look(self, image: np.ndarray) -> np.ndarray:
        self.looked += 1
        return np.array([image.mean() / 255], np.float32)

    def measure(self, seen: np.ndarray, references: np.ndarray) -> float:
        self.measured += 1
        return float(np.median(np.abs(references - seen))) if self.about == "identity" else float(seen[0])

    def accepts(self, measure: float) -> bool:
        return measure < self.bound


class FakeDetector:
    """Finds one head: what is redder than it is green."""

    def find(self, image: np.ndarray) -> list[Detected]:
        red = image[..., 0].astype(int) > image[..., 1] + 80
        if not red.any():
            return []
        rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
        box = Box(*map(int, (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)))
        return [Detected("head", box, 1.0)]

    def close(self) -> None:
        pass
