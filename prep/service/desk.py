"""What the routes ask for: reading, drawing, and jobs that outlive the server. It has the queues and the models."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from prep.errors import PrepError
from prep.files import is_regular
from prep.models.choose_models import card_of, generator_of, is_trial, tagger_for, would_draw
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.process.lock import locked
from prep.protocols import Card
from prep.sections import Settings
from prep.service import dataset
from prep.service.drawing import pictures_of
from prep.service.lane import Lane, Task
from prep.service.orders import Drawn, Order, Progress
from prep.service.reading import Reading, ReadingDesk
from prep.service.refused import Refused, stopping, without_folders
from prep.service.store import STARTS, Job, Store
from prep.service.studio import FILES, Studio
from prep.service.work import Halted, Work

log = logging.getLogger(__name__)
SAID = {
    "cancelled": "cancelled by the client",
    "too_long": "it took longer than serve.job_seconds allows",
    "interrupted": "interrupted",
}


class Desk:
    """Made, and started, before the server answers."""

    def __init__(self, settings: Settings, run_arguments: Sequence[str] = ()) -> None:
        """run_arguments: of `prep run`, for datasets. Chooses the models. Raises UsageError, StoppedError."""
        self.settings = settings
        self.tagger: ModelRef = tagger_for(settings)
        self.generator: ModelRef | None = generator_of(settings)
        self.card: Card | None = card_of(self.generator) if self.generator else None
        self.why_not_drawing = "" if self.generator else would_draw(settings)[1]
        self.held = ExitStack()
        self.store = Store(Path(settings.serve.folder))
        self.studio = Studio(settings, self.tagger, self.generator, self.card, tuple(run_arguments))
        self.reading = ReadingDesk(self.tagger, settings)
        self.lane = Lane(settings.serve.queue)
        self.tasks: dict[str, Task] = {}  # of jobs that are not ended
        self.forgotten = 0.0  # time.monotonic() of the last look for old jobs

    @property
    def trial(self) -> bool:
        """Whether a starter model reads or draws."""
        return is_trial(self.tagger) or bool(self.generator and is_trial(self.generator))

    def start(self) -> None:
        """Load the tagger, and go on with the jobs of the last time. Raises WeightsError, SettingsError; StoppedError
        when another server has its folder.
        """
        self.held.enter_context(locked(self.store.place("lock")))
        self.store.sweep()
        self.reading.start()
        self._forget_old()
        for job in self.store.unfinished():
            self._queue(job)
        self.lane.start()

    def stop(self) -> None:
        """Begin nothing more: whoever waits is refused. Returns at once."""
        self.lane.stop()

    def close(self) -> None:
        """Finish what is being drawn and read; jobs that wait stay on disk."""
        self.lane.close()
        self.reading.close()
        self.store.close()
        self.held.close()
        MEMORY.clear()

    async def read(self, pictures: Sequence[bytes], client: str) -> list[Reading]:
        """Raises Refused."""
        if len(pictures) > self.settings.serve.pictures:
            raise too_many(len(pictures), self.settings)
        return await self.reading.read(pictures, client)

    async def draw(self, order: Order, client: str) -> Drawn:
        """Wait for its turn and for its pictures. A caller that is cancelled frees its place. Raises Refused."""
        self.check(order)
        task = Task(client, lambda work: self.studio.draw(order, work), self._work(order), waits=True)
        self.lane.check_room(client)
        self.lane.put(task)
        try:
            return await asyncio.wrap_future(task.future)
        except asyncio.CancelledError:
            self.lane.remove(task)
            raise
        except Halted as error:
            raise stopping() if error.why == "stopping" else Refused(503, SAID[error.why]) from None

    def check(self, order: Order) -> None:
        """Raises Refused for an order that this server cannot draw."""
        if self.generator is None:
            raise Refused(503, f"this server draws nothing: {self.why_not_drawing}", "start it with a generator")
        if len(order.seeds) > self.settings.serve.pictures:
            raise too_many(len(order.seeds), self.settings)
        pictures_of(order, self.generator, self.card)

    def now(self) -> Progress:
        return self.lane.now()

    def interrupt(self, client: str) -> None:
        """What this client waits for, and is being drawn, ends with the pictures that are done. Jobs have DELETE."""
        current = self.lane.current
        if current and current.waits and current.client == client:
            current.work.halted = "interrupted"

    def submit_order(self, order: Order, client: str) -> Job:
        """Accept it as a job. Raises Refused."""
        self.check(order)
        files = [data for name in FILES if (data := getattr(order, name))]
        spec = {name: value for name, value in asdict(order).items() if name not in FILES}
        return self._accept("draw", client, spec, files)

    def submit_loop(self, picture: bytes, character: str, count: int, client: str) -> Job:
        if self.generator is None:
            raise Refused(503, f"this server draws nothing: {self.why_not_drawing}", "start it with a generator")
        if count > self.settings.serve.pictures:
            raise too_many(count, self.settings)
        return self._accept("loop", client, {"character": character, "count": count}, [picture])

    def submit_dataset(self, source: str, name: str, client: str) -> Job:
        folder = dataset.source_of(source, self.settings.serve.roots)
        spec = {"source": str(folder), "out": str(dataset.out_of(name, folder))}
        return self._accept("dataset", client, spec, [])

    def job(self, id_: str) -> Job:
        """Raises Refused: 404."""
        found = self.store.job(id_)
        if found is None:
            raise Refused(
                404, f"no job is called {id_[:40]}", "look at its id; jobs are forgotten after serve.keep_days"
            )
        return found

    def cancel(self, id_: str) -> Job:
        """A job that waits is not begun, one that is at work ends at its next step. Raises Refused: 404."""
        job = self.job(id_)
        task = self.tasks.get(id_)
        if task and self.lane.remove(task):
            self._ended(id_, "cancelled", error={"message": SAID["cancelled"], "hint": ""})
        return self.store.job(id_) or job

    def progress(self, id_: str) -> tuple[Progress, int, Work | None]:
        """(how far a job is, how many come before it, its work unless it has ended)."""
        task = self.tasks.get(id_)
        if task is None:
            return Progress(), 0, None
        return task.work.progress(0), self.lane.place(task), task.work

    def file(self, id_: str, name: str) -> Path:
        """A picture of a job's result, or a file of its set. Raises Refused: 404."""
        result = self.job(id_).result or {}
        for folder, kind in ((self.store.place(id_), "pictures"), (Path(result.get("out", "")), "files")):
            if name in {each["file"] for each in result.get(kind, ())} and is_regular(folder / name):
                return folder / name
        raise Refused(404, f"job {id_} has no such file", "take an address from its result")

    def _accept(self, kind: str, client: str, spec: dict[str, Any], files: Sequence[bytes]) -> Job:
        self._forget_old()
        self.lane.check_room(client)
        job = self.store.add(kind, client, spec, files)
        with suppress(Refused):  # the server ends meanwhile: the job is on disk
            self._queue(job)
        return job

    def _queue(self, job: Job) -> None:
        seconds = float("inf") if job.kind == "dataset" else self.settings.serve.job_seconds
        work = Work(job.id, seconds, self.lane.stopping, pictures=len(job.spec.get("seeds", ())))
        work.got_on = partial(self.store.got_on, job.id)
        task = Task(job.client, lambda work: self._perform(job.id, work), work)
        self.tasks[job.id] = task
        self.lane.put(task)

    def _perform(self, id_: str, work: Work) -> None:
        """In the lane's thread: raises nothing that the job's row does not say."""
        try:
            job = self.store.job(id_)
            if job.starts >= STARTS and job.kind != "dataset":  # whose run is a process of its own
                message = f"it ended the server {job.starts} times before any of it was done"
                return self._ended(id_, "failed", error={"message": message, "hint": "ask for something else"})
            self.store.begin(id_)
            result = self.studio.carry_out(job, self.store.place(id_), self.store.inputs(id_), work)
        except Halted as error:
            why = error.why
            if why == "stopping":
                with suppress(PrepError):  # it is still there as running, and goes on all the same
                    self.store.put_back(id_)
                return None
            state = "failed" if why == "too_long" else "cancelled"
            return self._ended(id_, state, error={"message": SAID[why], "hint": ""})
        except PrepError as error:
            return self._ended(id_, "failed", error={"message": without_folders(error.message), "hint": error.hint})
        except Exception as error:
            log.exception("job %s failed", id_)
            return self._ended(id_, "failed", error={"message": f"prep failed: {type(error).__name__}", "hint": ""})
        return self._ended(id_, "done", result)

    def _ended(self, id_: str, state: str, result: dict | None = None, error: dict | None = None) -> None:
        self.store.end(id_, state, result, error)
        self.tasks.pop(id_, None)

    def _work(self, order: Order) -> Work:
        return Work("request", self.settings.serve.job_seconds, self.lane.stopping, pictures=len(order.seeds))

    def _forget_old(self) -> None:
        """Once an hour."""
        days = self.settings.serve.keep_days
        if days and (not self.forgotten or time.monotonic() - self.forgotten > 3600):
            self.forgotten = time.monotonic()
            self.store.forget(time.time() - days * 86_400)


def too_many(found: int, settings: Settings) -> Refused:
    most = settings.serve.pictures
    return Refused(422, f"{found:,} pictures in one request; at most {most:,} are taken", "send several requests")
