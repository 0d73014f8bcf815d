"""The seams: what a tagger, a generator, a job and a runner keep to. Nothing here does anything."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from prep.types import Picture, Problem, Vocabulary


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item of a job."""

    subject: str
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Notes:
    """How a job was done where it ran, for run.json: a runner yields it after the outcomes of a worker."""

    found: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Needs:
    """What one worker of a job takes."""

    cpus: int = 1
    gpu: bool = False  # whether it uses one where there is one
    keeps_memory: bool = False  # it does the same again and again: what it frees is worth keeping for it
    memory_bytes: int = 0  # beside the interpreter and its libraries; an estimate


class Tagger(Protocol):
    """Reads tags off pictures. Two calls, so that decoding runs on the CPU while the network computes.

    Made by `maker(name, files, options)`: the model's name, its files by part, its options; ready to answer.
    """

    vocabulary: Vocabulary
    batch_size: int  # pictures at once; what it was asked for, or fewer

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """image: uint8 [H, W, 3], RGB -> float32 [S, S, 3], as this tagger's network takes it."""

    def scores(self, batch: np.ndarray) -> np.ndarray:
        """batch: float32 [B, S, S, 3] -> float32 [B, T], 0-1."""


class Card(Protocol):
    """What a generator is, known before any weight is read."""

    name: str  # of the weights
    precision: str  # of weights and arithmetic, such as fp8-scaled/bf16: all of its options that shape a picture
    steps: int  # what it is used with unless the settings say otherwise
    guidance: float
    samplers: tuple[str, ...]

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Of what is drawn from a picture of that size, in pixels: the nearest in aspect that it was trained for."""


class Generator(Protocol):
    """Draws pictures. Made by `maker(name, files, options)`, cheaply: it loads when it is first asked to draw."""

    card: Card

    @property
    def notes(self) -> dict[str, Any]:
        """What only makes it cheaper, as it was at last: for run.json."""

    def encode(self, pictures: Sequence[Picture], kept: Path) -> None:
        """Encode the prompts of all that is to be drawn: the encoders are loaded once, and gone before it draws.

        kept: a folder for what is worth keeping between runs.
        """

    def draw(
        self, pictures: Sequence[Picture], parents: Mapping[str, np.ndarray], kept: Path
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Yield (key, uint8 [height, width, 3], RGB) as they are done.

        parents: sha256 -> uint8 [H, W, 3] of the real images that pictures with a strength are drawn from.
        """

    def close(self) -> None:
        """Let go of all memory."""


class Job(Protocol):
    """Work that a runner carries to where it runs: plain data that pickles, opened there once, then given batches.

    It writes its own ledger parts; what it yields is only for counting and for the bar.
    """

    name: str
    batch: int  # items a call
    isolated: bool  # a crash in here must not take the run along: run it in processes of its own
    needs: Needs

    def open(self, worker: str) -> None: ...

    def run(self, items: Sequence[Any]) -> Iterator[Outcome]: ...

    def lost(self, item: Any) -> Outcome:
        """The worker died on this very item: write its row."""

    def close(self) -> Mapping[str, Any]:
        """-> how it was done here, for run.json; empty where there is nothing to say."""


class Runner(Protocol):
    """Where a job's batches run."""

    def map(self, job: Job, work: Sequence[Any]) -> Iterator[Outcome | Notes]:
        """Yield one outcome per item, in the order in which they are done, and the notes of each worker."""
