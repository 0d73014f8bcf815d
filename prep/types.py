"""The frozen records that travel along the road, and the protocols that its parts keep."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

Kind = Literal["reconstruct", "consistency", "augmentation"]
Origin = Literal["source", "reconstruct", "consistency", "augmentation"]
Status = Literal["kept", "duplicate", "rejected", "unreadable", "excluded"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something was skipped: for problems.txt, and for the ledger's row."""

    stage: str
    kind: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One file in SRC, as the scan measured it."""

    sha256: str  # of the file's bytes, hex
    path: str  # relative to SRC, `/` between, bytes that are not UTF-8 as surrogates
    character: str
    width: int  # pixels, after EXIF rotation
    height: int
    format: str  # png, jpg, webp, ...: by content
    bytes: int
    edge_density: float  # share of edge pixels, 0-1
    sharpness: float  # variance of the Laplacian of the grey image, 0-255 squared
    phash: str  # 64 bits, hex
    flags: tuple[str, ...]  # animated, alpha, rotated, mode, profile, ...
    problem: Problem | None = None  # set: the image could not be read, and the measures are 0


@dataclass(frozen=True, slots=True)
class TagScores:
    """A tagger's scores above the floor for one image, best first."""

    vocabulary: "Vocabulary"
    index: np.ndarray  # int32 [K], into the vocabulary
    score: np.ndarray  # float16 [K], 0-1


@dataclass(frozen=True)
class Vocabulary:
    """What a tagger's outputs are called. id is a hash of the names: scores of one id may be read with them."""

    id: str
    names: tuple[str, ...]  # underscored, as Danbooru writes them
    categories: tuple[str, ...]  # general, rating, character, ...; one a name


@dataclass(frozen=True, slots=True)
class Tag:
    name: str
    category: str
    score: float


@dataclass(frozen=True, slots=True)
class Removed:
    """A tag that passed its threshold and still is not in the caption."""

    name: str
    why: Literal["filter", "trait", "overlap", "limit"]


@dataclass(frozen=True, slots=True)
class Seen:
    """How often a character shows a tag."""

    images: int  # real images with the tag
    of: int  # real images
    bound: float  # lower Wilson bound of images/of, two-sided 90 %
    core: bool
    intrinsic: bool
    trait: bool
    why: str  # one clause, for `prep status`


@dataclass(frozen=True)
class Profile:
    """What a character's real images have in common."""

    character: str
    trigger: str
    images: int
    tags: dict[str, Seen]  # underscored name -> how often, most often first

    @property
    def core(self) -> tuple[str, ...]:
        return tuple(name for name, seen in self.tags.items() if seen.core)

    @property
    def body(self) -> frozenset[str]:
        """The core tags of an intrinsic kind: traits, and what would be one if more images showed it."""
        return frozenset(name for name, seen in self.tags.items() if seen.core and seen.intrinsic)

    @property
    def traits(self) -> frozenset[str]:
        return frozenset(name for name, seen in self.tags.items() if seen.trait)


@dataclass(frozen=True, slots=True)
class Caption:
    """What an image's scores become under the present settings."""

    tags: tuple[Tag, ...]  # in the caption's order, without the trigger
    removed: tuple[Removed, ...]
    rating: str | None
    threshold: float
    items: tuple[str, ...]  # the comma items of the text, trigger first
    text: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What shapes a drawn picture. What only makes it cheaper is not here."""

    prompt: str  # for the CLIPs, and for T5
    negative: str
    width: int  # pixels, divisible by 16
    height: int
    steps: int
    guidance: float
    sampler: str  # one of the generator's own
    strength: float | None  # of img2img, 0-1; None: from text alone
    parent: str | None  # sha256 of the real image that it is drawn from, or whose tags it has
    index: int  # tells repeats of the same picture apart
    generator: str  # the name of the weights
    weights: str  # digest of their files
    precision: str  # of weights and arithmetic, such as fp8-scaled/bf16

    @cached_property
    def content(self) -> dict[str, Any]:
        """All that shapes it, by name: what its key is a hash of, and what is written into its PNG.

        A field that comes later enters only where it is not at its default, so that the keys of 0.1.0 stay.
        """
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def seed(self) -> int:
        """31 bits out of everything else: neither the clock nor the place in a plan."""
        return int(self._digest()[:8], 16) >> 1

    @cached_property
    def key(self) -> str:
        """16 hex: the name of the picture's file."""
        return self._digest(self.seed)[:16]

    def _digest(self, *more: int) -> str:
        return hashlib.sha256(json.dumps([self.content, *more], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """Why a picture is asked for."""

    kind: Kind
    character: str
    asked: tuple[str, ...]  # the tags in the prompt, underscored: what the check looks for
    changes: tuple[str, ...]  # of those, the ones that the parent does not have


@dataclass(frozen=True, kw_only=True)
class GenerationRequest(Purpose, Picture):
    """One picture to be drawn for a set: what it is, and what for. Both are in its key and its seed."""


@dataclass(frozen=True, slots=True)
class Check:
    """What the tagger makes of a drawn picture. docs/CHECK.md has the formula."""

    score: float  # 0-1
    kept: bool
    reason: str | None  # why not: off_character, contradiction, copy, not_judgeable
    found: tuple[str, ...] = ()  # of the asked tags, those that were read
    missing: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()  # read, and in contradiction with an asked one
    not_judgeable: tuple[str, ...] = ()  # asked, but the tagger does not know them


@dataclass(frozen=True, slots=True)
class Made:
    """What a picture that lies in no folder of SRC was made from, and how."""

    by: Literal["crop", "generator", "composite"]
    parent: str | None  # sha256 of the real image that it is made from, or whose tags it has
    recipe: str  # of all that shapes it; of a drawn picture its request's key
    request: GenerationRequest | None = None  # where a generator drew it
    check: Check | None = None  # where a tagger read it back


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the manifest, on its way. Grows through `replace`."""

    ref: ImageRef
    origin: Origin = "source"
    status: Status = "kept"
    reason: str | None = None
    flags: tuple[str, ...] = ()
    near_of: str | None = None
    complexity: str | None = None
    caption: Caption | None = None
    hand_text: str | None = None  # a .txt that stands beside the image in SRC
    final_text: str | None = None  # after hand edits were merged in
    caption_source: str | None = None  # machine, hand, merged
    exported: str | None = None  # path relative to the dataset folder
    made: Made | None = None  # set: the picture is ours, and ref.path is relative to the dataset folder

    @property
    def trains(self) -> bool:
        return trains(self.origin, self.status)


def is_real(origin: str) -> bool:
    """Whether a picture is a person's own: one that lies in SRC."""
    return origin == "source"


def trains(origin: str, status: str) -> bool:
    """Whether a picture belongs to the training set: real ones, and augmentations that passed the check.

    This is the one place that says so, for rows on the road and for rows of a manifest.
    """
    return status == "kept" and origin in ("source", "augmentation")


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


@dataclass(frozen=True, slots=True)
class Summary:
    """What an exporter did."""

    images: int
    written: int
    unchanged: int
    removed: int


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
