"""OUT/report.html in its place: made when it is asked for, and at the end of a run when something has changed."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from prep.aside import CHANGED, UNKNOWN, fingerprint, make_way, set_parts_aside
from prep.config import recipe
from prep.dataset.opened import Set
from prep.dataset.problems import NAME as PROBLEMS
from prep.dataset.toml import MINE
from prep.files import write_whole
from prep.ledger import Ledger, Shelf

NAME = "report.html"
VERSION = 1
# Like SHEET: recipe: what the report was made of. Not OWN, whose first row would say that 0.1.0's manifest is a user's.
REPORT = Shelf("report", (pa.field("sha256", pa.string()), pa.field("before", pa.string())))


def report(out: Path, always: bool = True) -> bool:
    """Write OUT/report.html -> whether it was made. The caller holds the lock. One that a user changed is set aside.

    always: also when it is there and nothing that it shows has changed. Raises UsageError when OUT is not a finished
    set, StoppedError when it cannot be written.
    """
    ledger = Ledger.begin(out / ".prep" / "ledger", partial(set_parts_aside, out))
    path, row = out / NAME, ledger.rows(REPORT).get(NAME)
    key, found = _made_of(out), fingerprint(path)
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


def _made_of(out: Path) -> str:
    """A hash of the files of OUT that a report follows from."""
    from prep.report.facts import last_run

    src, settings = last_run(out)
    vary = fingerprint(Path(settings.augmentation.vary))
    files = [fingerprint(out / place) for place in ("manifest.parquet", f"kohya/{MINE}", PROBLEMS)]
    return recipe("report", VERSION, src.name if src else "", vary, files)


def _ours(row: dict[str, Any] | None) -> set[str]:
    return {digest for digest in (row["sha256"], row["before"]) if digest} if row else set()
