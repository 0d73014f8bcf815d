"""Jobs: accepted for good, put into the lane, carried out there, and kept until they are old."""

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
from prep.process.lock import locked
from prep.sections import Serve
from prep.service import dataset
from prep.service.lane import Lane, Task
from prep.service.orders import Order, Progress
from prep.service.store import STARTS, Job, Store
from prep.service.studio import FILES, Studio
from prep.service.work import Halted, Work
from prep.web.refused import Refused, too_many, without_folders

log = logging.getLogger(__name__)
FORGET_SECONDS = 3600  # between two looks for old jobs
WHY_ENDED = {
    "cancelled": "cancelled by the client",
    "too_long": "it took longer than serve.job_seconds allows",
    "interrupted": "interrupted",
}


class Jobs:
    def __init__(self, serve: Serve, lane: Lane, studio: Studio) -> None:
        """Raises StoppedError when serve.folder cannot be used."""
        self.serve, self.lane, self.studio = serve, lane, studio
        self.store = Store(Path(serve.folder))
        self.held = ExitStack()
        self.tasks: dict[str, Task] = {}  # of jobs that have not ended
        self.forgotten = 0.0  # time.monotonic() of the last look for old ones

    def lock(self) -> None:
        """Raises StoppedError when another server has the folder."""
        self.held.enter_context(locked(self.store.place("lock")))

    def resume(self) -> None:
        """Put the jobs of the last time into the lane."""
        self.store.sweep()
        self._forget_old()
        for job in self.store.unfinished():
            self._queue(job)

    def close(self) -> None:
        self.store.close()
        self.held.close()

    def of(self, client: str, most: int) -> list[Job]:
        """The newest first."""
        return self.store.jobs_of(client, most)

    def add_order(self, order: Order, client: str) -> Job:
        """Accept it as a job, as the following do. Raises Refused, NoRoomError."""
        files = [data for name in FILES if (data := getattr(order, name))]
        spec = {name: value for name, value in asdict(order).items() if name not in FILES}
        return self._accept("draw", client, spec, files)

    def add_loop(self, picture: bytes, character: str, count: int, client: str) -> Job:
        if count > self.serve.pictures:
            raise too_many(count, self.serve.pictures)
        return self._accept("loop", client, {"character": character, "count": count}, [picture])

    def add_dataset(self, source: str, name: str, client: str) -> Job:
        folder = dataset.source_of(source, self.serve.roots)
        spec = {"source": str(folder), "out": str(dataset.out_of(name, folder))}
        return self._accept("dataset", client, spec, [])

    def get(self, id_: str) -> Job:
        """Raises Refused: 404."""
        found = self.store.job(id_)
        if found is None:
            raise Refused(
                404, f"no job is called {id_[:40]}", "look at its id; jobs are forgotten after serve.keep_days"
            )
        return found

    def cancel(self, id_: str) -> Job:
        """A job that waits is not begun, one that is at work ends at its next step. Raises Refused: 404."""
        job = self.get(id_)
        task = self.tasks.get(id_)
        if task and self.lane.remove(task):
            self._ended(id_, "cancelled", error={"message": WHY_ENDED["cancelled"], "hint": ""})
        return self.store.job(id_) or job

    def progress(self, id_: str) -> tuple[Progress, int, Work | None]:
        """(how far a job is, how many come before it, its work unless it has ended)."""
        task = self.tasks.get(id_)
        if task is None:
            return Progress(), 0, None
        return task.work.progress(0), self.lane.place(task), task.work

    def file(self, id_: str, name: str) -> Path:
        """A picture of a job's result, or a file of its set. Raises Refused: 404."""
        result = self.get(id_).result or {}
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
        seconds = float("inf") if job.kind == "dataset" else self.serve.job_seconds
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
            return self._ended(id_, state, error={"message": WHY_ENDED[why], "hint": ""})
        except PrepError as error:
            return self._ended(id_, "failed", error={"message": without_folders(error.message), "hint": error.hint})
        except Exception as error:
            log.exception("job %s failed", id_)
            return self._ended(id_, "failed", error={"message": f"prep failed: {type(error).__name__}", "hint": ""})
        return self._ended(id_, "done", result)

    def _ended(self, id_: str, state: str, result: dict | None = None, error: dict | None = None) -> None:
        self.store.end(id_, state, result, error)
        self.tasks.pop(id_, None)

    def _forget_old(self) -> None:
        days = self.serve.keep_days
        if days and (not self.forgotten or time.monotonic() - self.forgotten > FORGET_SECONDS):
            self.forgotten = time.monotonic()
            self.store.forget(time.time() - days * 86_400)
