"""Tagging along with the scan: pictures that it has decoded anyway are tagged in a thread, so each is decoded once.

Whatever is not tagged on the way, the tag stage reads again: pictures that a tagger needs whole, or that were tagged by
another one.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from threading import Thread

import numpy as np

from prep.images import Picture
from prep.jobs.read import Reader, reading
from prep.jobs.tag import ScoreBook, Scores, tag_recipe
from prep.ledger import Ledger
from prep.models.ref import ModelRef
from prep.process.spans import spent, spent_on_each
from prep.scan.measure import Seen

WORKER = "along"


class TagAlong:
    """Tags pictures in a thread of its own, in full batches until the last."""

    def __init__(self, reader: Reader, scores: Scores, before: ScoreBook) -> None:
        """before: what was tagged in earlier runs."""
        self.reader = reader
        self.scores = scores
        self.before = before
        self.taken: set[str] = set()  # sha256 of what was or will be tagged
        self.seconds = 0.0  # that the network took
        self.failure: BaseException | None = None
        self.stopped = False
        self.all_given = False
        self.given: Queue[Seen | None] = Queue(2 * reader.batch_size)
        self.thread = Thread(target=self._tag_all, name="tag", daemon=True)
        self.thread.start()

    def take(self, seen: Seen) -> None:
        """Waits where two batches wait already. Raises what the tagger raised."""
        if seen.sha256 not in self.taken and seen.sha256 not in self.before:
            self.taken.add(seen.sha256)
            with spent("hold"):
                self.given.put(seen)
        if self.failure:
            raise self.failure

    def end(self, stop: bool = False) -> None:
        """Tags what is left. stop: only the batch that is in the network. Raises what the tagger raised."""
        self.stopped = stop
        with spent("hold"):
            self.given.put(None)
            self.thread.join()
        self.scores.flush()
        if self.failure:
            raise self.failure

    def _tag_all(self) -> None:
        try:
            for batch in self._batches():
                began = time.monotonic()
                inputs = np.stack([self.reader.prepare(Picture(each.small, "", ())).input for each in batch])
                for each, scores in zip(batch, self.reader.read(inputs), strict=True):
                    self.scores.add(each.sha256, scores)
                self.seconds += time.monotonic() - began
        except BaseException as error:  # raised where the pictures come from, in the main thread
            self.failure = error
            while not self.all_given:  # nobody shall wait for room
                self.all_given = self.given.get() is None

    def _batches(self) -> Iterator[list[Seen]]:
        batch: list[Seen] = []
        for seen in spent_on_each("wait", iter(self.given.get, None)):
            batch.append(seen)
            if len(batch) == self.reader.batch_size and not self.stopped:
                yield batch
                batch = []
        self.all_given = True
        if batch and not self.stopped:
            yield batch


@contextmanager
def tagging_along(ledger: Ledger, tagger: ModelRef, max_pixels: int) -> Iterator[TagAlong]:
    """What was taken is tagged when it ends. Raises WeightsError, StoppedError."""
    recipe = tag_recipe(tagger)
    with reading(tagger, max_pixels) as reader:
        along = TagAlong(reader, Scores(ledger, recipe, reader.vocabulary, WORKER), ScoreBook(ledger, recipe))
        try:
            yield along
            along.end()
        except BaseException:
            along.end(stop=True)
            raise
