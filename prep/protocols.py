"""The protocols of a tagger, a generator, a witness, a captioner, a job and a runner. Contains no code."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from prep.types import Detected, Editing, Picture, Problem, Sentence, ToDescribe, Vocabulary


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one item of a job."""

    subject: str
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Notes:
    """How a worker ran a job, for run.json: a runner yields it after the worker's outcomes."""

    found: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Needs:
    """What one worker of a job needs."""

    cpus: int = 1
    gpu: bool = False  # whether it uses one if available
    elsewhere: bool = False  # another machine's model does the work: more workers would only ask it more at once
    keeps_memory: bool = False  # it repeats the same work, so freed memory is worth keeping
    memory_bytes: int = 0  # besides the interpreter and its libraries; an estimate


class Tagger(Protocol):
    """Reads the tags of pictures. Two calls, so that decoding runs on the CPU while the network computes.

    Made by `maker(name, files, options)`: the model's name, its files by part, its options; it is then ready.
    """

    vocabulary: Vocabulary
    batch_size: int  # pictures at once; as requested, or fewer
    # It may also say `fitted_px`, if `prepare` begins with prep.images.fitted(image, fitted_px): the scan, which has
    # decoded the picture anyway, then hands it over at that size, and it is decoded once.

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """image: uint8 [H, W, 3], RGB -> float32 [S, S, 3], as this tagger's network takes it.

        A remote one has no network here: it may give an array of objects without a shape, which holds what it sends.
        """

    def scores(self, batch: np.ndarray) -> np.ndarray:
        """batch: float32 [B, S, S, 3] (or object [B]) -> float32 [B, T], 0-1."""


class Card(Protocol):
    """What is known about a generator before any weights are read."""

    name: str  # of the weights
    precision: str  # of weights and arithmetic, such as fp8-scaled/bf16: all options that affect a picture
    steps: int  # the default unless the settings say otherwise
    guidance: float
    samplers: tuple[str, ...]
    quality: str  # words of its own that go in front of every prompt
    negative: str  # and into the negative prompt
    sentences: bool  # whether it reads sentences beside tags
    editing: Editing | None  # how it changes a parent by an `edit`; None: it cannot

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size in pixels of what is drawn from a picture of this size: the nearest aspect ratio that it was trained
        on.
        """


class Generator(Protocol):
    """Draws pictures. Made by `maker(name, files, options)`, cheaply: it loads when it is first asked to draw."""

    card: Card

    @property
    def notes(self) -> dict[str, Any]:
        """The final settings that affect cost but not pictures, for run.json."""

    def encode(self, pictures: Sequence[Picture], kept: Path) -> None:
        """Encode the prompts of all pictures to draw: the encoders are loaded once, and freed before it draws.

        kept: a folder for what is worth keeping between runs.
        """

    def draw(
        self, pictures: Sequence[Picture], parents: Mapping[str, np.ndarray], kept: Path
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Yield (key, uint8 [height, width, 3], RGB) as they are done.

        parents: sha256 -> uint8 [H, W, 3] of the real images that pictures with a strength are drawn from. Composites
        are not among the pictures: their scenes are.
        """

    def close(self) -> None:
        """Free all memory."""


class Witness(Protocol):
    """Measures something about a drawn picture that tags do not say. Made like a tagger.

    It looks at each picture once, real or drawn, and what it saw is kept; the verdict compares what was kept.
    """

    about: Literal["identity", "damage"]

    def look(self, image: np.ndarray) -> np.ndarray:
        """image: uint8 [H, W, 3], RGB -> float32 [N]: what it keeps of it."""

    def measure(self, seen: np.ndarray, references: np.ndarray) -> float:
        """seen: float32 [N], of the drawn picture. references: float32 [R, N], of its character's real ones."""

    def accepts(self, measure: float) -> bool: ...


class Captioner(Protocol):
    """Writes sentences of tags. Made like a tagger."""

    name: str
    costly: bool  # whether a sentence takes more than a moment: a call to another machine, or a language model

    def write(self, batch: Sequence[ToDescribe]) -> Iterator[Sentence | Problem]:
        """Yield one answer per item, in order, as they become known. A problem: no sentence could be asked for; the
        grammar's takes its place, and `--retry` asks again. Raises StoppedError when nobody would get an answer.
        """


class Detector(Protocol):
    """Finds parts of the persons in a picture. Made like a tagger; it loads when it first looks at one."""

    def find(self, image: np.ndarray) -> list[Detected]:
        """image: uint8 [H, W, 3], RGB -> what it finds, the best first."""

    def close(self) -> None:
        """Free all memory."""


class Job(Protocol):
    """Work that a runner carries to a worker: plain data that pickles, opened there once, then given batches.

    It writes its own ledger parts; what it yields is only for counting and for the bar.
    """

    name: str
    batch: int  # items per call
    isolated: bool  # a crash must not end the run: run it in processes of its own
    needs: Needs

    def open(self, worker: str) -> None: ...

    def run(self, items: Sequence[Any]) -> Iterator[Outcome]:
        """Yield one outcome per item, in any order. At its end all rows of these items are on disk: from then on a
        runner counts them as done, and the worker may die.
        """

    def lost(self, item: Any) -> Outcome:
        """The worker died on this item: write its row."""

    def close(self) -> Mapping[str, Any]:
        """-> how it was done here, for run.json; empty if there is nothing to record."""


class Runner(Protocol):
    """Where a job's batches run. `here`, if it has one: outcomes may carry pictures, which stay on this machine."""

    def begin(self, src: Path, out: Path) -> None:
        """Called once, before the first job of a run over these folders. Raises StoppedError where it cannot work with
        them.
        """

    def map(self, job: Job, work: Sequence[Any]) -> Iterator[Outcome | Notes]:
        """Yield one outcome per item, in the order of completion, and the notes of each worker."""
