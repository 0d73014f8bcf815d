"""`prep serve` in tests: in a thread of this process with real HTTP, or as a process that signals can end."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import requests

from prep.config import load_settings
from prep.service.app import app_of
from prep.service.desk import Desk
from prep.web.access import Access
from tests.support.answering import answering

STARTER = ("tagger.model=starter", "generator.model=starter", "augmentation.matting=none", "check.damage=none")
START_SECONDS = 120.0


@dataclass
class Served:
    url: str
    desk: Desk | None = None
    process: subprocess.Popen | None = None

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def get(self, path: str, **options) -> requests.Response:
        return requests.get(self.url + path, timeout=120, **options)

    def post(self, path: str, **options) -> requests.Response:
        return requests.post(self.url + path, timeout=300, **options)

    def job(self, id_: str) -> dict:
        return self.get(f"/v1/jobs/{id_}").json()

    def ended(self, id_: str, seconds: float = 120) -> dict:
        """The job once it has ended."""
        ends = time.monotonic() + seconds
        while (job := self.job(id_))["status"] in ("queued", "running"):
            assert time.monotonic() < ends, job
            time.sleep(0.05)
        return job


@contextlib.contextmanager
def served_here(
    folder: Path, *sets: str, logins: dict[str, str] | None = None, run: tuple[str, ...] = ()
) -> Iterator[Served]:
    """folder: where it keeps its jobs. run: arguments of `prep run`, for datasets."""
    settings = load_settings(None, None, (*STARTER, f"serve.folder={folder}", *sets))
    desk = Desk(settings, run)
    desk.start()
    app = app_of(desk, Access(logins or {}))
    try:
        with answering(app, settings.serve.connections, desk.finish) as url:
            try:
                yield Served(url, desk)
            finally:
                desk.lane.stop()  # whoever waits is answered, or the server would wait for them
    finally:
        desk.close()


@contextlib.contextmanager
def served_process(folder: Path, *sets: str, environment: dict[str, str] | None = None) -> Iterator[Served]:
    """In `folder`, where it keeps its jobs in outputs/.serve. Killed at the end, if it still runs."""
    arguments = [part for text in (*STARTER, *sets) for part in ("--set", text)]
    process = subprocess.Popen(
        [sys.executable, "-m", "prep", "serve", "--port", "0", *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])} | (environment or {}),
    )  # fmt: skip
    said: Queue[str] = Queue()  # read all the time, so that the server never waits for us
    listener = threading.Thread(target=_listen, args=(process, said), daemon=True)
    listener.start()
    try:
        lines = []
        while not (lines and lines[-1].startswith("serving on ")):
            lines.append(said.get(timeout=START_SECONDS))
            assert lines[-1], "".join(lines)
        yield Served(lines[-1].split()[2], process=process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        listener.join()


def _listen(process: subprocess.Popen, said: Queue) -> None:
    """Empty text at the end."""
    with process.stdout as lines:
        for line in lines:
            said.put(line)
    said.put("")
