"""Tagging as a job: files are read, checked and decoded ahead by threads while the network works on whole batches."""

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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

    def run(self, items: Sequence[ImageRef]) -> Iterator[Outcome]:
        waiting: list[tuple[ImageRef, np.ndarray]] = []
        for ref, prepared in self._ahead(items):
            if isinstance(prepared, Problem):
                yield Outcome(ref.sha256, prepared)
                continue
            waiting.append((ref, prepared))
            if len(waiting) == self.batch_size:
                yield from self._tagged(waiting)
                waiting = []
        if waiting:
            yield from self._tagged(waiting)

    def lost(self, item: ImageRef) -> Outcome:
        return Outcome(item.sha256, Problem("tag", "crash", "tagging it crashed", "save the image again"))

    def close(self) -> None:
        self.threads.shutdown(wait=True, cancel_futures=True)
        self.writer.flush()

    def _ahead(self, items: Sequence[ImageRef]) -> Iterator[tuple[ImageRef, np.ndarray | Problem]]:
        """Yield items in order, while up to two batches behind them are being decoded."""
        pending: deque = deque()
        for ref in items:
            pending.append((ref, self.threads.submit(self._prepared, ref)))
            if len(pending) > 2 * self.batch_size:
                ready, future = pending.popleft()
                yield ready, future.result()
        for ref, future in pending:
            yield ref, future.result()

    def _prepared(self, ref: ImageRef) -> np.ndarray | Problem:
        try:
            data = (self.src / ref.path).read_bytes()
        except OSError as error:
            return Problem("tag", "gone", f"can no longer be read ({error.strerror})", "run again")
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            return Problem("tag", "changed", "changed while prep was at work", "run again")
        try:
            return self.tagger.prepare(open_image(data, self.max_pixels).pixels)
        except ImageError as error:
            return Problem("tag", error.kind, error.message, error.hint)

    def _tagged(self, waiting: list[tuple[ImageRef, np.ndarray]]) -> Iterator[Outcome]:
        answers = self.tagger.scores(np.stack([prepared for _, prepared in waiting]))
        for (ref, _), answer in zip(waiting, answers, strict=True):
            scores = above_floor(self.tagger.vocabulary, answer)
            row = {"subject": ref.sha256, "recipe": self.recipe, "vocabulary": scores.vocabulary.id}
            self.writer.append(row | {"index": scores.index, "score": scores.score})
            yield Outcome(ref.sha256)


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
