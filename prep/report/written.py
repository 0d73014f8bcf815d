"""OUT/report.html in its place: made when it is asked for, and at the end of a run when something has changed."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prep.aside import CHANGED, UNKNOWN, fingerprint, make_way, set_parts_aside
from prep.config import recipe
from prep.dataset.opened import Set
from prep.dataset.problems import NAME as PROBLEMS
from prep.dataset.toml import MINE
from prep.edits.decisions import Decisions
from prep.errors import PrepError
from prep.files import write_whole
from prep.index import values
from prep.ledger import Ledger, Shelf
from prep.process.lock import locked
from prep.process.report import Report

NAME = "report.html"
VERSION = 2
# Like SHEET: recipe: what the report was made of. Not OWN, whose first row would say that 0.1.0's manifest is a user's.
REPORT = Shelf("report", (pa.field("sha256", pa.string()), pa.field("before", pa.string())))


def report(out: Path, always: bool = True) -> bool:
    """Write OUT/report.html -> whether it was made. The caller holds the lock. One that a user changed is set aside.

    always: also when it is there and nothing that it shows has changed. Raises UsageError when OUT is not a finished
    set, StoppedError when it cannot be written.
    """
    ledger = Ledger.begin(out / ".prep" / "ledger", partial(set_parts_aside, out))
    path, row = out / NAME, ledger.rows(REPORT).get(NAME)
    key, found = _made_of(out, ledger), fingerprint(path)
    if not always and row and row["recipe"] == key and found == row["sha256"]:
        return False
    from prep.report.page import page

    data = page(Set(out, ledger)).encode("utf-8", "backslashreplace")
    digest, ours = hashlib.sha256(data).hexdigest(), _ours(row)
    # One that was asked for may show decisions that no run has applied and that can be undone: the key lacks them.
    new = {
        "subject": NAME,
        "recipe": "" if always else key,
        "sha256": digest,
        "before": found if found in ours else None,
    }
    if row != new:  # in the ledger before the file is there, whenever the process is killed
        ledger.write(REPORT, [new])
    if found != digest:
        make_way(out, path, {*ours, digest}, CHANGED if ours else UNKNOWN, ledger)
        write_whole(path, data)
    return True


def after_run(out: Path) -> str:
    """The line about the report at the end of a run, which makes it if the set has changed. It never fails a run."""
    try:
        with locked(out / ".prep" / "lock"), Report(out / ".prep" / "log"):
            report(out, always=False)
        return f"report: {out / NAME}"
    except Exception as error:  # a run that is done stays done, whatever is wrong with a page about it
        why = error.message if isinstance(error, PrepError) else str(error) or type(error).__name__
        return f"report: not written ({why}); `prep report` tries again"


def _made_of(out: Path, ledger: Ledger) -> str:
    """A hash of what a report follows from: files of OUT, and the captions as the ledger knows them. At the end of a
    run that is as the .txt are.
    """
    from prep.report.facts import last_run

    src, settings = last_run(out)
    vary = fingerprint(Path(settings.augmentation.vary))
    files = [fingerprint(out / place) for place in ("manifest.parquet", f"kohya/{MINE}", PROBLEMS)]
    captions = Decisions(ledger)
    pictures = captions.book.columns["subject"]
    pictures = pictures.take(pc.sort_indices(pictures))
    texts = hashlib.sha256()
    for picture, text in zip(values(pictures), captions.texts(values(pictures)), strict=True):
        texts.update(f"{picture}\0{text}\0".encode("utf-8", "surrogatepass"))
    return recipe("report", VERSION, src.name if src else "", vary, files, texts.hexdigest())


def _ours(row: dict[str, Any] | None) -> set[str]:
    return {digest for digest in (row["sha256"], row["before"]) if digest} if row else set()
