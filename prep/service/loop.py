"""The whole loop over one picture: its tags, prompts, new pictures, and how well each matches. `prep redraw`'s road."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prep.dataset.manifest import manner
from prep.files import write_whole
from prep.images import read_header
from prep.names import slugs
from prep.pipeline.redraw import Redrawn, redraw
from prep.pipeline.subject import Home
from prep.process.report import LOGGER
from prep.process.steps import watched
from prep.runners import load_runner
from prep.sections import Settings
from prep.service.orders import picture_fields
from prep.service.work import Work
from prep.types import Check, Row
from prep.web.refused import Refused, without_folders


def loop(picture: bytes, character: str, count: int, settings: Settings, folder: Path, work: Work) -> Redrawn:
    """folder: the job's; a later call with the same one goes on where this one ended. Raises what a run raises, Halted,
    and Refused for a picture that no run would take.
    """
    src = folder / "picture"
    image = src / slugs([character])[character] / f"picture.{read_header(picture).format}"
    image.parent.mkdir(parents=True, exist_ok=True)
    if not image.exists():
        write_whole(image, picture)
    work.check()
    with watched(work.step), _said_to(work):
        done = redraw(Home(image, src, None, None, sure=False), folder / "drawn", count, settings, load_runner("local"))
    if done.source is None:
        raise Refused(422, done.lines[0].rstrip("."), "send another picture")
    return done


class _Said(logging.Handler):
    """What is logged in this thread becomes the work's lines."""

    def __init__(self, work: Work) -> None:
        super().__init__(logging.INFO)
        self.work, self.thread = work, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            self.work.say(without_folders(record.getMessage()))


@contextlib.contextmanager
def _said_to(work: Work) -> Iterator[None]:
    handler = _Said(work)
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)


def loop_result(done: Redrawn, base: Path) -> dict[str, Any]:
    """What a client gets. Paths are relative to base, the job's folder."""
    source = done.source
    return {
        "tags": [{"name": tag.name, "score": round(tag.score, 4)} for tag in source.caption.tags],
        "caption": source.final_text,
        "rating": source.caption.rating,
        "threshold": round(source.caption.threshold, 4),
        "level": source.complexity,
        "pictures": [_picture(row, (done.folder / row.ref.path).relative_to(base).as_posix()) for row in done.drawn],
    }


def _picture(row: Row, path: str) -> dict[str, Any]:
    request = row.made.request
    fields = picture_fields(path, request, manner(request), row.ref.width, row.ref.height)
    return {**fields, "origin": row.origin, "check": _check(row.made.check)}


def _check(check: Check) -> dict[str, Any]:
    named = {name: list(getattr(check, name)) for name in ("found", "missing", "unwanted", "not_judgeable")}
    return {
        "score": round(check.score, 4),
        "accepted": check.kept,
        "reason": check.reason,
        **named,
        "identity": check.identity,
        "damage": check.damage,
    }
