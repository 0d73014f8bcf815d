"""The files of OUT that each run rewrites: the manifest and problems.txt. A file that was changed is set aside."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from prep.aside import CHANGED, fingerprint, make_way
from prep.files import write_whole
from prep.ledger import Ledger, Shelf
from prep.system import remove

OWN = Shelf("own", (pa.field("before", pa.string()),))  # subject: place under OUT; recipe: sha256 of what was written


def write_own(out: Path, place: str, data: bytes | Callable[[Path], None], ledger: Ledger) -> str:
    """Write out/place, or let a function write it. A file there that prep did not write last is set aside.

    -> its sha256, hex.
    """
    path, digest = out / place, ""
    before, ours = _ours(place, ledger)
    by_0_1_0 = _by_0_1_0(out, ledger)

    def write(target: Path) -> None:
        nonlocal digest
        if callable(data):
            data(target)
        else:
            target.write_bytes(data)
        digest = fingerprint(target)
        if digest != before:  # in the ledger before the file is there, whenever the process is killed
            ledger.write(OWN, [{"subject": place, "recipe": digest, "before": before}])
        if not by_0_1_0:
            make_way(out, path, {*ours, digest}, CHANGED, ledger)

    write_whole(path, write)
    return digest


def remove_own(out: Path, place: str, ledger: Ledger) -> None:
    """Remove out/place."""
    _, ours = _ours(place, ledger)
    if not _by_0_1_0(out, ledger):
        make_way(out, out / place, ours, CHANGED, ledger)
    remove(out / place)


def _by_0_1_0(out: Path, ledger: Ledger) -> bool:
    """Whether nothing is known of these files although there was a run: 0.1.0 kept no hashes of them."""
    return not ledger.parts(OWN) and (out / "manifest.parquet").is_file()


def _ours(place: str, ledger: Ledger) -> tuple[str | None, set[str]]:
    """(sha256 of what was written last, sha256 of all that may be there without the user having changed it)."""
    row = ledger.rows(OWN).get(place)
    if row is None:
        return None, set()
    return row["recipe"], {digest for digest in (row["recipe"], row["before"]) if digest}
