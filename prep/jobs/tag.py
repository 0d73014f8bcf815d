"""Tagging as a job: files are read, checked and decoded ahead by threads while the network works on whole batches."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa

from prep.config import recipe
from prep.errors import ImageError
from prep.images import open_image
from prep.ledger import Ledger, Shelf, Writer
from prep.taggers import load_tagger
from prep.types import ImageRef, Outcome, Problem, Tagger, TagScores, Vocabulary

VERSION = 1
FLOOR = 0.02  # scores above it are kept, so that thresholds far below any sensible one still replay
DECODERS = min(4, os.cpu_count() or 1)  # each holds some 10 MB for a megapixel

TAG = Shelf(
    "tag",
    (
        pa.field("vocabulary", pa.string()),
        pa.field("index", pa.list_(pa.int32())),
        pa.field("score", pa.list_(pa.float16())),
    ),
)
VOCABULARY = Shelf(
    "vocabulary", (pa.field("names", pa.list_(pa.string())), pa.field("categories", pa.list_(pa.string())))
)


def tag_recipe(tagger: str, weights_sha256: str) -> str:
    return recipe("tag", VERSION, tagger, weights_sha256, FLOOR)


def above_floor(vocabulary: Vocabulary, scores: np.ndarray) -> TagScores:
    """scores: float32 [T] -> those above the floor, best first."""
    index = np.flatnonzero(scores > FLOOR).astype(np.int32)
    index = index[np.lexsort((index, -scores[index]))]
    return TagScores(vocabulary, index, scores[index].astype(np.float16))


class TagJob:
    """Reads tags off images. Not isolated: what a decoder chokes on was found by the scan."""

    name = "tag"
    isolated = False
    keeps_memory = True

    def __init__(
        self,
        src: Path,
        ledger: Ledger,
        tagger: str,
        weights: Path,
        weights_sha256: str,
        device: str,
        batch_size: int,
        max_pixels: int,
    ) -> None:
        self.src = src
        self.ledger = ledger
        self.tagger_name = tagger
        self.weights = weights
        self.recipe = tag_recipe(tagger, weights_sha256)
        self.device = device
        self.batch_size = batch_size
        self.max_pixels = max_pixels
        self.batch = 32 * batch_size

    def open(self, worker: str) -> None:
        self.tagger: Tagger = load_tagger(self.tagger_name, self.weights, self.device, self.batch_size)
        vocabulary = self.tagger.vocabulary
        row = {"subject": vocabulary.id, "recipe": "", "names": vocabulary.names, "categories": vocabulary.categories}
        if vocabulary.id not in self.ledger.rows(VOCABULARY):
            self.ledger.write(VOCABULARY, [row], worker)
        self.writer: Writer = self.ledger.writer(TAG, worker)
        self.threads = ThreadPoolExecutor(DECODERS, "decode")
        self.rooms: np.ndarray | None = None
        self.lock = Lock()

    def run(self, items: Sequence[ImageRef]) -> Iterator[Outcome]:
        """The next batch is decoded while this one is in the network, and no more than that."""
        size = self.tagger.batch_size
        batches = [items[at : at + size] for at in range(0, len(items), size)]
        ahead = self._decoding(batches[0], 0) if batches else iter(())
        for number, batch in enumerate(batches):
            problems = list(ahead)
            if number + 1 < len(batches):
                ahead = self._decoding(batches[number + 1], number + 1)
            yield from self._tagged(batch, problems, number)

    def lost(self, item: ImageRef) -> Outcome:
        return Outcome(item.sha256, Problem("tag", "crash", "tagging it crashed", "save the image again"))

    def close(self) -> None:
        self.threads.shutdown(wait=True, cancel_futures=True)
        self.writer.flush()
        self.rooms = None
        del self.tagger

    def _decoding(self, batch: Sequence[ImageRef], number: int) -> Iterator[Problem | None]:
        """Begins at once; yields what each image suffers from, when it is known."""
        return self.threads.map(partial(self._decode, number), batch, range(len(batch)))

    def _room(self, shape: tuple[int, ...], number: int) -> np.ndarray:
        """float32 [batch, *shape]: one for the decoders, one for the network, by turns, for the whole run. What is not
        asked for anew cannot come to lie elsewhere, and a long run is no larger than a short one."""
        with self.lock:
            if self.rooms is None:
                self.rooms = np.zeros((2, self.tagger.batch_size, *shape), np.float32)
        return self.rooms[number % 2]

    def _decode(self, number: int, ref: ImageRef, place: int) -> Problem | None:
        try:
            data = (self.src / ref.path).read_bytes()
        except OSError as error:
            return Problem("tag", "gone", f"can no longer be read ({error.strerror})", "run again")
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            return Problem("tag", "changed", "changed while prep was at work", "run again")
        try:
            prepared = self.tagger.prepare(open_image(data, self.max_pixels).pixels)
        except ImageError as error:
            return Problem("tag", error.kind, error.message, error.hint)
        self._room(prepared.shape, number)[place] = prepared
        return None

    def _tagged(self, batch: Sequence[ImageRef], problems: Sequence[Problem | None], number: int) -> Iterator[Outcome]:
        """Where a problem is, the room holds something older: its scores are nobody's."""
        answers = [None] * len(batch)
        if not all(problems):
            answers = self.tagger.scores(self.rooms[number % 2, : len(batch)])
        for ref, problem, answer in zip(batch, problems, answers, strict=True):
            if problem is None:
                scores = above_floor(self.tagger.vocabulary, answer)
                row = {"subject": ref.sha256, "recipe": self.recipe, "vocabulary": scores.vocabulary.id}
                self.writer.append(row | {"index": scores.index, "score": scores.score})
            yield Outcome(ref.sha256, problem)


class ScoreBook:
    """Stored scores of one recipe, to be looked up by image: some 200 bytes an image."""

    def __init__(self, ledger: Ledger, recipe: str) -> None:
        self.book = ledger.book(TAG, recipe)
        self.vocabularies = {
            name: Vocabulary(name, tuple(row["names"]), tuple(row["categories"]))
            for name, row in ledger.rows(VOCABULARY).items()
        }

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self.book

    def __getitem__(self, sha256: str) -> TagScores:
        columns, at = self.book.columns, self.book.place[sha256]
        index = columns["index"][at].values.to_numpy()
        score = columns["score"][at].values.to_numpy(zero_copy_only=False)
        return TagScores(self.vocabularies[columns["vocabulary"][at].as_py()], index, score)

    def flat(self, sha256s: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """-> (int32 [K] into the vocabulary, float32 [K], int32 [N]): scores end to end, how many an image has."""
        places = pa.array([self.book.place[sha256] for sha256 in sha256s], pa.int64())
        index, score = (self.book.columns[name].take(places) for name in ("index", "score"))
        values = score.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        return index.flatten().to_numpy(), values, index.value_lengths().to_numpy()

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The vocabulary that these scores are of; None when there are none."""
        return self.vocabularies[self.book.table["vocabulary"][0].as_py()] if len(self.book) else None
