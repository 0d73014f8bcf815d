"""Tagging as a job: threads read, check and decode files ahead while the network works on whole batches."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from copy import copy
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prep.book import Book
from prep.config import recipe
from prep.files import PICTURE_BYTES, read_file
from prep.jobs.read import FLOOR, Prepared, Reader, reading
from prep.ledger import Ledger, Shelf
from prep.models.ref import ModelRef
from prep.process.spans import spent
from prep.protocols import Needs, Outcome
from prep.types import ImageRef, Problem, TagScores, Vocabulary

VERSION = 1
DECODERS = min(4, os.cpu_count() or 1)  # each takes about 10 MB per megapixel

TAG = Shelf(
    "tag",
    (
        pa.field("vocabulary", pa.string()),
        pa.field("index", pa.list_(pa.int32())),
        pa.field("score", pa.list_(pa.float16())),
    ),
    made_again=True,
)
VOCABULARY = Shelf(
    "vocabulary",
    (
        pa.field("names", pa.list_(pa.string())),
        pa.field("categories", pa.list_(pa.string())),
        pa.field("thresholds", pa.list_(pa.float64())),  # null in parts of 0.1.0, and of taggers without their own
    ),
    made_again=True,
)


CHANGED = Problem("tag", "changed", "changed while prep was running", "run again")


def gone(error: OSError) -> Problem:
    return Problem("tag", "gone", f"can no longer be read ({error.strerror})", "run again")


def tag_recipe(tagger: ModelRef) -> str:
    """The recipe of scores: the tagger, its files, and changed options. Without options, the same as in 0.1.0."""
    more = [tagger.own_options] if tagger.own_options else []
    return recipe("tag", VERSION, tagger.name, tagger.digest, FLOOR, *more)


class Scores:
    """Where a worker keeps the scores of a tagger."""

    def __init__(self, ledger: Ledger, recipe: str, vocabulary: Vocabulary, worker: str) -> None:
        row = {"subject": vocabulary.id, "recipe": "", "names": vocabulary.names, "categories": vocabulary.categories}
        row["thresholds"] = vocabulary.thresholds or None
        if vocabulary.id not in ledger.rows(VOCABULARY):
            ledger.write(VOCABULARY, [row], worker)
        self.recipe = recipe
        self.writer = ledger.writer(TAG, worker)

    def add(self, sha256: str, scores: TagScores) -> None:
        row = {"subject": sha256, "recipe": self.recipe, "vocabulary": scores.vocabulary.id}
        self.writer.append(row | {"index": scores.index, "score": scores.score})

    def flush(self) -> None:
        self.writer.flush()


class TagJob:
    """Reads the tags of images. Not isolated: the scan has already found files that crash a decoder."""

    name = "tag"
    isolated = False

    def __init__(self, folder: Path, ledger: Ledger, tagger: ModelRef, max_pixels: int) -> None:
        """folder: the images' paths are relative to it."""
        self.folder = folder
        self.ledger = ledger
        self.tagger = tagger
        self.recipe = tag_recipe(tagger)
        self.max_pixels = max_pixels
        self.batch = 32 * tagger.options.batch
        # float32 weights twice while loading, and activations: estimated from DeepDanbooru's peak of 1.23 GB.
        self.needs = Needs(
            cpus=DECODERS,
            gpu=tagger.options.device != "cpu",
            elsewhere=tagger.spec.remote,
            keeps_memory=True,
            memory_bytes=1_300_000_000,
        )

    def open(self, worker: str) -> None:
        self.borrowed = ExitStack()
        self.reader: Reader = self.borrowed.enter_context(reading(self.tagger, self.max_pixels))
        self.scores = Scores(self.ledger, self.recipe, self.reader.vocabulary, worker)
        self.threads = ThreadPoolExecutor(DECODERS, "decode")
        self.buffers: np.ndarray | None = None
        self.lock = Lock()

    def run(self, items: Sequence[ImageRef]) -> Iterator[Outcome]:
        """Only the next batch is decoded while this one is in the network."""
        size = self.reader.batch_size
        batches = [items[at : at + size] for at in range(0, len(items), size)]
        ahead = self._decoding(batches[0], 0) if batches else iter(())
        for number, batch in enumerate(batches):
            with spent("wait"):
                problems = list(ahead)
            if number + 1 < len(batches):
                ahead = self._decoding(batches[number + 1], number + 1)
            yield from self._tagged(batch, problems, number)
        self.scores.flush()

    def lost(self, item: ImageRef) -> Outcome:
        return Outcome(item.sha256, Problem("tag", "crash", "tagging it crashed", "save the image again"))

    def close(self) -> Mapping[str, Any]:
        self.threads.shutdown(wait=True, cancel_futures=True)
        self.scores.flush()
        self.buffers = None
        self.borrowed.close()
        return {}

    def _decoding(self, batch: Sequence[ImageRef], number: int) -> Iterator[Problem | None]:
        """Starts at once; yields each image's problem or None, when it is known."""
        return self.threads.map(partial(self._decode, number), batch, range(len(batch)))

    def _buffer(self, prepared: np.ndarray, number: int) -> np.ndarray:
        """[batch, *shape of what is prepared]: one of two buffers. Decoders fill one while the network reads the other.

        They are allocated once, so that a long run takes no more memory than a short one.
        """
        with self.lock:
            if self.buffers is None:
                self.buffers = np.zeros((2, self.reader.batch_size, *prepared.shape), prepared.dtype)
        return self.buffers[number % 2]

    def _decode(self, number: int, ref: ImageRef, position: int) -> Problem | None:
        try:
            with spent("read"):
                data = read_file(self.folder / ref.path, PICTURE_BYTES, follow=True)
        except OSError as error:
            return gone(error)
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            return CHANGED
        prepared = self.reader.prepare(data)
        if not isinstance(prepared, Prepared):
            return prepared
        held = prepared.input[()]  # of an array without a shape, what it contains
        self._buffer(prepared.input, number)[position] = held
        return None

    def _tagged(self, batch: Sequence[ImageRef], problems: Sequence[Problem | None], number: int) -> Iterator[Outcome]:
        """For an image with a problem, the buffer holds an older picture, whose scores are ignored."""
        answers: Sequence[TagScores | None] = [None] * len(batch)
        if not all(problems):
            answers = self.reader.read(self.buffers[number % 2, : len(batch)])
        for ref, problem, scores in zip(batch, problems, answers, strict=True):
            if problem is None:
                self.scores.add(ref.sha256, scores)
            yield Outcome(ref.sha256, problem)


class ScoreBook:
    """Stored scores of one recipe, looked up by image: about 200 bytes per image."""

    second: "ScoreBook | None" = None  # the second reader's: what is looked up has its scores as well

    def __init__(self, ledger: Ledger, recipe: str) -> None:
        self.vocabularies = {
            name: Vocabulary(name, tuple(row["names"]), tuple(row["categories"]), tuple(row["thresholds"] or ()))
            for name, row in ledger.rows(VOCABULARY).items()
        }
        table = ledger.table(TAG, recipe)
        if set(table["vocabulary"].unique().to_pylist()) - set(self.vocabularies):
            # Scores without their vocabulary are useless: these images are tagged again.
            table = table.filter(pc.is_in(table["vocabulary"], pa.array(self.vocabularies, pa.string())))
        found = table["vocabulary"].combine_chunks().dictionary_encode()
        self._vocabularies = [self.vocabularies[name] for name in found.dictionary.to_pylist()]  # that the images have
        self._which = found.indices.to_numpy()  # int32 [N]: which of them each image has
        self.book = Book(table.select(["subject", "index", "score"]))

    def beside(self, second: "ScoreBook | None") -> "ScoreBook":
        """These scores, with those of a second reader, if there is one."""
        found = copy(self)
        found.second = second
        return found

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self.book

    def lacks(self, sha256s: Iterable[str]) -> Iterator[str]:
        """Those without scores, in order."""
        return self.book.lacks(sha256s)

    def __getitem__(self, sha256: str) -> TagScores:
        at = self.book.place(sha256)
        (index, of_index), (score, of_score) = self._numbers
        second = self.second[sha256] if self.second and sha256 in self.second else None
        return TagScores(
            self._vocabularies[self._which[at]],
            index[of_index[at] : of_index[at + 1]],
            score[of_score[at] : of_score[at + 1]],
            second,
        )

    @cached_property
    def _numbers(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """index and score, each [K] of all images, and N + 1 numbers: where those of an image begin."""
        lists = (self.book.columns[name] for name in ("index", "score"))
        return tuple((each.values.to_numpy(zero_copy_only=False), each.offsets.to_numpy()) for each in lists)

    def flat(self, sha256s: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """-> (int32 [K] into the vocabulary, float32 [K], int32 [N]): all scores, and how many each image has."""
        places = pa.array(self.book.places(sha256s))
        index, score = (self.book.columns[name].take(places) for name in ("index", "score"))
        values = score.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        return index.flatten().to_numpy(), values, index.value_lengths().to_numpy()

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The vocabulary of these scores; None if there are none."""
        return self._vocabularies[self._which[0]] if len(self.book) else None
