"""Reading pictures: bytes in, tag scores out. One picture or many; no dataset, no folder, no ledger."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from prep.errors import ImageError
from prep.images import Picture, open_image
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.process.spans import spent
from prep.protocols import Tagger
from prep.types import Problem, TagScores, Vocabulary

FLOOR = 0.02  # scores above it are kept, so that even very low thresholds need no new tagging


@dataclass(frozen=True, eq=False)
class Prepared:
    """A picture prepared for the tagger's network."""

    input: np.ndarray  # float32 [S, S, 3]; for a remote tagger an object, without a shape


class Reader:
    """A tagger that takes pictures as files or pixels."""

    def __init__(self, tagger: Tagger, max_pixels: int = 100_000_000) -> None:
        self.tagger = tagger
        self.max_pixels = max_pixels

    @property
    def vocabulary(self) -> Vocabulary:
        return self.tagger.vocabulary

    @property
    def batch_size(self) -> int:
        """The best number of pictures per batch."""
        return self.tagger.batch_size

    @property
    def fitted_px(self) -> int:
        """The size at which the tagger begins (see prep.protocols.Tagger); 0: it needs pictures whole."""
        return getattr(self.tagger, "fitted_px", 0)

    def prepare(self, picture: bytes | Picture) -> Prepared | Problem:
        """picture: a file's bytes, or decoded pixels. May run in a thread while another batch is read."""
        try:
            found = open_image(picture, self.max_pixels) if isinstance(picture, bytes) else picture
            with spent("prepare"):
                return Prepared(self.tagger.prepare(found.pixels))
        except ImageError as error:
            return Problem("tag", error.kind, error.message, error.hint)

    def read(self, batch: Sequence[Prepared] | np.ndarray) -> list[TagScores]:
        """Scores above the floor, picture by picture. batch: any number, or float32 [B, S, S, 3]."""
        found: list[TagScores] = []
        for at in range(0, len(batch), self.batch_size):
            some = batch[at : at + self.batch_size]
            stacked = some if isinstance(some, np.ndarray) else np.stack([each.input for each in some])
            with spent("infer"):
                answers = self.tagger.scores(stacked)
            found += [above_floor(self.vocabulary, scores) for scores in answers]
        return found


@contextlib.contextmanager
def reading(ref: ModelRef, max_pixels: int = 100_000_000) -> Iterator[Reader]:
    """A reader with this tagger, which stays in memory meanwhile. Raises WeightsError, SettingsError."""
    with MEMORY.lend(ref) as tagger:
        yield Reader(tagger, max_pixels)


def above_floor(vocabulary: Vocabulary, scores: np.ndarray) -> TagScores:
    """scores: float32 [T] -> those above the floor, best first."""
    index = np.flatnonzero(scores > FLOOR).astype(np.int32)
    index = index[np.lexsort((index, -scores[index]))]
    return TagScores(vocabulary, index, scores[index].astype(np.float16))
