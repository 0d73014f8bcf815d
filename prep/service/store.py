"""Accepted jobs on disk: a job that was answered with its id survives any end of the server.

A row per job in queue.sqlite, written and synced before the client is answered; the pictures that it came with and
those that were drawn for it are files in jobs/ID/.
"""

import contextlib
import json
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from prep.errors import PrepError, StoppedError
from prep.files import cannot_write, read_file, write_whole

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED = ("done", "failed", "cancelled")
STARTS = 3  # of a job that ends the server each time before any of it is done
INPUT_BYTES = 10**9
TABLE = """
create table if not exists jobs (
    id text primary key, kind text not null, client text not null, state text not null, spec text not null,
    created real not null, began real, ended real, starts integer not null default 0, result text, error text
)
"""


@dataclass(frozen=True)
class Job:
    id: str
    kind: str  # draw, loop, dataset
    client: str
    state: State
    spec: dict[str, Any]
    created: float  # seconds since 1970
    began: float | None
    ended: float | None
    starts: int
    result: dict[str, Any] | None
    error: dict[str, str] | None  # message, hint


class Store:
    def __init__(self, folder: Path) -> None:
        """Raises StoppedError when the folder cannot be used."""
        self.folder = folder
        self.guard = threading.Lock()
        self.unwritten: dict[str, tuple] = {}  # how jobs ended, while the disk is full
        try:
            (folder / "jobs").mkdir(parents=True, exist_ok=True)
            self.rows = sqlite3.connect(folder / "queue.sqlite", check_same_thread=False, isolation_level=None)
            self.rows.execute("pragma journal_mode = wal")
            self.rows.execute("pragma synchronous = full")
            self.rows.execute(TABLE)
        except OSError as error:
            raise cannot_write(folder, error) from error
        except sqlite3.Error as error:
            raise StoppedError(
                f"{folder / 'queue.sqlite'} cannot be used: {error}", hint="name another serve.folder"
            ) from error

    def add(self, kind: str, client: str, spec: dict[str, Any], inputs: Sequence[bytes]) -> Job:
        """inputs: picture files. Raises NoRoomError."""
        id_ = secrets.token_hex(8)
        place = self.place(id_)
        values = id_, kind, client, "queued", json.dumps(spec), time.time()
        try:
            place.mkdir()
            for number, data in enumerate(inputs):
                write_whole(place / f"in-{number}", data, sync=True)
            self._change("insert into jobs (id, kind, client, state, spec, created) values (?, ?, ?, ?, ?, ?)", values)
        except (OSError, PrepError) as error:
            shutil.rmtree(place, ignore_errors=True)
            raise cannot_write(place, error) if isinstance(error, OSError) else error from error
        return self.job(id_)

    def sweep(self) -> None:
        """Remove folders without a row: of jobs that were not accepted because the server was killed."""
        known = {job.id for job in self._jobs("", ())}
        for place in (self.folder / "jobs").iterdir():
            if place.is_dir() and place.name not in known:
                shutil.rmtree(place, ignore_errors=True)

    def place(self, id_: str) -> Path:
        """The job's folder."""
        return self.folder / "jobs" / id_

    def inputs(self, id_: str) -> list[bytes]:
        found = []
        while (path := self.place(id_) / f"in-{len(found)}").exists():
            found.append(read_file(path, INPUT_BYTES))
        return found

    def job(self, id_: str) -> Job | None:
        self._write_ends()
        found = self._jobs("where id = ?", (id_,))
        if found and (end := self.unwritten.get(id_)):
            state, ended, result, error = end
            return replace(found[0], state=state, ended=ended, result=result, error=error)
        return found[0] if found else None

    def jobs_of(self, client: str, most: int) -> list[Job]:
        """The newest first."""
        return self._jobs("where client = ? order by created desc, id limit ?", (client, most))

    def unfinished(self) -> list[Job]:
        """In the order in which they were accepted."""
        return self._jobs("where state in ('queued', 'running') order by created, id", ())

    def begin(self, id_: str) -> None:
        self._change("update jobs set state = 'running', began = ?, starts = starts + 1 where id = ?",
                     (time.time(), id_))  # fmt: skip

    def put_back(self, id_: str) -> None:
        """The server ends, and was not made to by this job."""
        self._change("update jobs set state = 'queued', starts = 0 where id = ?", (id_,))

    def got_on(self, id_: str) -> None:
        """A part of it is done: an end of the server after that is not its fault."""
        with contextlib.suppress(StoppedError):  # then it only counts as its fault
            self._change("update jobs set starts = 0 where id = ? and starts > 0", (id_,))

    def end(self, id_: str, state: State, result: dict | None = None, error: dict | None = None) -> None:
        """On a full disk it is kept in memory, and written when there is room."""
        self.unwritten[id_] = (state, time.time(), result, error)
        self._write_ends()

    def _write_ends(self) -> None:
        for id_, (state, ended, result, error) in list(self.unwritten.items()):
            texts = (json.dumps(each) if each is not None else None for each in (result, error))
            try:
                self._change("update jobs set state = ?, ended = ?, result = ?, error = ? where id = ?",
                             (state, ended, *texts, id_))  # fmt: skip
            except StoppedError:
                return
            self.unwritten.pop(id_, None)

    def forget(self, before: float) -> int:
        """Remove jobs that ended before this time (seconds since 1970), with their files -> how many."""
        old = self._jobs("where ended < ?", (before,))
        for job in old:
            shutil.rmtree(self.place(job.id), ignore_errors=True)
            self._change("delete from jobs where id = ?", (job.id,))
        return len(old)

    def close(self) -> None:
        with self.guard:
            self.rows.close()

    def _jobs(self, where: str, values: tuple) -> list[Job]:
        columns = "id, kind, client, state, spec, created, began, ended, starts, result, error"
        with self.guard, _explained(self.folder):
            rows = self.rows.execute(f"select {columns} from jobs {where}", values).fetchall()
        return [
            Job(*row[:4], json.loads(row[4]), *row[5:9], *(json.loads(text) if text else None for text in row[9:]))
            for row in rows
        ]

    def _change(self, text: str, values: tuple) -> None:
        with self.guard, _explained(self.folder):
            self.rows.execute(text, values)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Raises StoppedError for what SQLite cannot do."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoppedError(f"the queue cannot be used: {error}", hint="make room on its disk") from error
