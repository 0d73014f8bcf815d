"""A review of a set, served on loopback in this process, or as a process of its own."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from prep.review.app import app_of
from prep.review.session import Session
from tests.support.answering import answering

TOKEN = "a-token"


class Page:
    """What the page's scripts ask. url: with the token, ends with a slash."""

    def __init__(self, url: str, session: Session | None = None) -> None:
        self.url = url
        self.session = session

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=60, params=options)

    def post(self, path: str, **body: Any) -> requests.Response:
        return requests.post(self.url + path, timeout=60, json=body)

    def read(self, path: str, **options: Any) -> Any:
        answer = self.get(path, **options)
        assert answer.ok, answer.text
        return answer.json()

    def do(self, path: str, **body: Any) -> Any:
        answer = self.post(path, **body)
        assert answer.ok, answer.text
        return answer.json()

    def ids(self, filter: str = "", sort: str = "") -> list[str]:  # noqa: A002
        return self.read("api/list", filter=filter, sort=sort)["ids"]

    def rows(self, filter: str = "") -> list[dict]:  # noqa: A002
        return self.do("api/rows", ids=self.ids(filter)[:200])["rows"]

    def row(self, name: str) -> dict:
        """The only picture whose file has this name."""
        (row,) = [row for row in self.rows() if row["name"] == name or row["place"] == name]
        return row


@contextlib.contextmanager
def reviewed(out: Path) -> Iterator[Page]:
    session = Session(out)
    session.start()
    try:
        with answering(app_of(session, TOKEN), 64, session.finish) as url:
            yield Page(f"{url}/{TOKEN}/", session)
    finally:
        session.close()


@contextlib.contextmanager
def review_process(out: Path, *arguments: str) -> Iterator[tuple[Page, subprocess.Popen]]:
    """Killed at the end, if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "prep", "review", str(out), "--no-browser", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"http://\S+/", line):
                break
        else:
            raise AssertionError(said)
        yield Page(found[0]), process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
