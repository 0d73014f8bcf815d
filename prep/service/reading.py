"""Reading behind a queue: pictures that arrive together are read as one batch, clients in turn."""

import asyncio
import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, Queue

from prep.captions.compose import Composer
from prep.captions.from_settings import composer_of
from prep.errors import ImageError
from prep.images import Picture, edge_density, open_image
from prep.jobs.read import Prepared, reading
from prep.models.ref import ModelRef
from prep.process.heap import keep_freed_memory
from prep.sections import Settings
from prep.service.fair import Fair
from prep.service.pictures import numbered, unreadable
from prep.tagging.thresholds import level_of
from prep.types import Problem, TagScores, Vocabulary
from prep.web.refused import Refused, busy, stopping

DECODERS = max(1, min(4, os.cpu_count() or 1))
GATHER_SECONDS = 0.05  # that a batch waits for pictures that are being decoded
SECONDS_EACH = 0.5  # of a read, to say when to try again [estimate: full-size network, two cores]


@dataclass(frozen=True)
class Reading:
    """What the tagger read in one picture."""

    scores: TagScores  # above 0.02, best first
    edge_density: float
    level: str  # simple, medium, complex


@dataclass(eq=False)
class _Entry:
    client: str
    data: bytes
    found: Future = field(default_factory=Future)


@dataclass(frozen=True, eq=False)
class _Ready:
    entry: _Entry
    prepared: Prepared
    edge_density: float


class ReadingDesk:
    """`read` is called on the event loop; decoding and reading happen in threads of its own."""

    def __init__(self, tagger: ModelRef, settings: Settings) -> None:
        self.tagger = tagger
        self.settings = settings
        self.most = settings.serve.queue
        self.waiting: Fair[_Entry] = Fair()
        self.changed = threading.Condition()
        self.ready: Queue[_Ready] = Queue(2 * tagger.options.batch)
        self.ended = False
        self.vocabulary: Vocabulary | None = None
        self.composer: Composer | None = None
        self.batch = tagger.options.batch  # pictures at once
        self.threads: list[threading.Thread] = []
        self.batches = 0  # read so far
        self.pictures = 0

    def start(self) -> None:
        """Load the tagger, so that the first request does not wait for it. Raises WeightsError, SettingsError."""
        with reading(self.tagger) as reader:
            self.vocabulary, self.batch = reader.vocabulary, reader.batch_size
        self.composer = composer_of(self.settings, self.vocabulary)
        self.threads = [threading.Thread(target=self._decode, daemon=True) for _ in range(DECODERS)]
        self.threads.append(threading.Thread(target=self._read, daemon=True))
        for thread in self.threads:
            thread.start()

    def close(self) -> None:
        """Waiting requests are refused; what is being read is finished."""
        with self.changed:
            self.ended = True
            while self.waiting:
                self.waiting.take().found.set_exception(stopping())
            self.changed.notify_all()
        for thread in self.threads:
            thread.join()

    async def read(self, pictures: Sequence[bytes], client: str) -> list[Reading]:
        """Raises Refused for a picture that cannot be read, and when too many wait."""
        entries = [_Entry(client, data) for data in pictures]
        with self.changed:
            if self.ended:
                raise stopping()
            if len(entries) > self.most:
                raise Refused(422, f"{len(entries):,} pictures; at most {self.most:,} may wait", "send fewer at once")
            if not self.waiting.has_room(client, len(entries), self.most):
                raise busy(f"{len(self.waiting):,} pictures wait to be read", len(self.waiting) * SECONDS_EACH)
            for entry in entries:
                self.waiting.put(client, entry)
            self.changed.notify_all()
        number = 0
        try:
            found = []
            for number, entry in enumerate(entries, 1):  # noqa: B007 - which one it was
                found.append(await asyncio.wrap_future(entry.found))
            return found
        except BaseException as error:
            with self.changed:
                for entry in entries:
                    self.waiting.remove(client, entry)
            for entry in entries:
                entry.found.cancel()
            if isinstance(error, Refused):
                raise numbered(error, number, len(entries)) from None
            raise

    def _decode(self) -> None:
        while True:
            with self.changed:
                while not self.waiting and not self.ended:
                    self.changed.wait()
                if self.ended:
                    return
                entry = self.waiting.take()
            if not entry.found.set_running_or_notify_cancel():
                continue
            try:
                picture = open_image(entry.data, self.settings.serve.max_pixels)
                self._hand_on(entry, picture)
            except ImageError as error:
                entry.found.set_exception(unreadable(error))
            except Exception as error:  # a decoder may raise anything; the thread goes on
                entry.found.set_exception(error)

    def _hand_on(self, entry: _Entry, picture: Picture) -> None:
        density = edge_density(picture.pixels, self.settings.thresholds.measure_px)
        with reading(self.tagger, self.settings.serve.max_pixels) as reader:
            prepared = reader.prepare(picture)
        if isinstance(prepared, Problem):
            raise Refused(422, f"the picture {prepared.message}", prepared.hint)
        self.ready.put(_Ready(entry, prepared, density))

    def _read(self) -> None:
        while True:
            try:
                batch = [self.ready.get(timeout=0.2)]
            except Empty:
                if self.ended and not any(thread.is_alive() for thread in self.threads[:-1]):
                    return
                continue
            while len(batch) < self.batch:
                try:
                    batch.append(self.ready.get(timeout=GATHER_SECONDS if self.waiting else 0.001))
                except Empty:
                    break
            self._answer(batch)

    def _answer(self, batch: list[_Ready]) -> None:
        """Whatever goes wrong is told to those who wait: the thread goes on."""
        try:
            keep_freed_memory()  # a model that was released since has given it back
            with reading(self.tagger) as reader:
                found = reader.read([each.prepared for each in batch])
            self.batches += 1
            self.pictures += len(batch)
            for each, scores in zip(batch, found, strict=True):
                each.entry.found.set_result(self._reading(scores, each.edge_density))
        except Exception as error:
            for each in batch:
                if not each.entry.found.done():
                    each.entry.found.set_exception(error)

    def _reading(self, scores: TagScores, density: float) -> Reading:
        return Reading(scores, density, level_of(density, self.settings.thresholds))
