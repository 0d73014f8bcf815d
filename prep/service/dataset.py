"""A dataset as a job: `prep run` in a process of its own, which a signal ends in order and which goes on where it was.

Its source is a folder under one that serve.roots names; nothing else of the disk is read for a client.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from prep.files import write_whole
from prep.names import slugs
from prep.service.work import Halted, Work
from prep.web.refused import Refused, without_folders

PROGRESS = re.compile(r"\w+: ([\d,]+) of ([\d,]+)")
LOOK_SECONDS = 0.2
STOP_SECONDS = 600  # for what is being drawn to be finished
OUT = Path("outputs")
ENDINGS = {0: "done", 1: "done, but some images failed: problems.txt says which"}


def source_of(named: str, roots: Sequence[str]) -> Path:
    """The folder that a client named: relative to one of the roots, or below it. Raises Refused: 403, 404."""
    if not roots:
        raise Refused(403, "no folder is open to clients", "name folders in serve.roots")
    if "\0" in named:
        raise Refused(422, "a folder's name has no control characters", "correct it")
    tried = [Path(root).resolve() for root in roots]
    try:
        folders = [(root, (root / named).resolve()) for root in tried]
        for root, folder in folders:
            if folder.is_relative_to(root) and folder.is_dir():
                return folder
    except (OSError, RuntimeError):  # too long a name, a link to itself
        raise Refused(404, f"{named[:100]!r} is no folder there", "name a folder below those of serve.roots") from None
    if not any(folder.is_relative_to(root) for root, folder in folders):
        raise Refused(403, f"{named[:100]!r} is outside the folders of serve.roots", "name one below them")
    raise Refused(404, f"{named[:100]!r} is no folder there", "name a folder below those of serve.roots")


def out_of(name: str, source: Path) -> Path:
    name = name or source.name
    return OUT / slugs([name])[name]


def run(source: Path, out: Path, arguments: Sequence[str], work: Work, notes: Path) -> dict:
    """arguments: of `prep run`, besides both folders. notes: a file that says which process it is, since a server that
    is killed leaves it behind. Raises Refused when it fails; Halted.
    """
    _end_left_behind(notes)
    command = [sys.executable, "-m", "prep", "run", str(source), "--out", str(out), *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PREP_AUTH"}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", errors="replace", env=environment, start_new_session=True,
    )  # fmt: skip
    listener = threading.Thread(target=_listen, args=(process, work), daemon=True)
    listener.start()
    halted = ""
    try:
        began = psutil.Process(process.pid).create_time()
        write_whole(notes, json.dumps({"pid": process.pid, "began": began}).encode())
        while process.poll() is None:
            time.sleep(LOOK_SECONDS)
            halted = work.halted or ("stopping" if work.stopping.is_set() else "")
            if halted:
                break
    finally:
        _end(process)
        listener.join()
    if halted:
        raise Halted(halted)
    if process.returncode not in ENDINGS:
        said = next((line for _, line in reversed(work.lines) if line.startswith("prep: ")), "")
        why = said.removeprefix("prep: ").rstrip(".") or f"prep run ended with {process.returncode}"
        raise Refused(500, without_folders(why))
    files = [*sorted(out.glob("generated/*/sheet.png")), *out.glob("problems.txt")]
    shown = [{"file": path.relative_to(out).as_posix()} for path in files]
    return {
        "out": out.as_posix(), "exit_code": process.returncode, "ending": ENDINGS[process.returncode], "files": shown,
    }  # fmt: skip


def _listen(process: subprocess.Popen, work: Work) -> None:
    with process.stdout as lines:
        for line in lines:
            work.say(without_folders(line.rstrip()))
            if found := PROGRESS.match(line):
                work.picture, work.pictures = (int(number.replace(",", "")) for number in found.groups())


def _end_left_behind(notes: Path) -> None:
    """The process of a server that was killed still has OUT."""
    with contextlib.suppress(OSError, ValueError, KeyError, psutil.NoSuchProcess):
        found = json.loads(notes.read_bytes())
        process = psutil.Process(found["pid"])
        if process.create_time() == found["began"]:
            _end(process)


def _end(process: subprocess.Popen | psutil.Process) -> None:
    """In order: it flushes what it has. After STOP_SECONDS at once. Nothing happens to one that has ended."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
        process.kill()
        process.wait()
