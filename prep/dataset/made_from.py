"""Whether an OUT goes with a SRC: two folders of one name would else take each other's set apart."""

from pathlib import Path

from prep.dataset.rows import manifest_rows
from prep.documents import read_json
from prep.errors import UsageError
from prep.files import named_path


def check_made_from(src: Path, out: Path, named: bool, yes: bool) -> str:
    """-> a line to say where OUT was made from another folder and goes on; else empty.

    named: OUT was named, and does not follow from SRC's name. yes: go on although no picture is the same. Raises
    UsageError where OUT was made from another folder, and nobody named it or no picture of it is in SRC.
    """
    before = _source(out)
    if before is None or not src.is_dir() or _same(src, before):
        return ""
    made = f"{out} was made from {before}"
    if not named:
        raise UsageError(
            f"{made}, not from {src.resolve()}",
            hint=f"name another folder with --out; if those are the same pictures, moved, say --out {out}",
        )
    if not (yes or _shares(src, out)):
        raise UsageError(
            f"{made}, and none of its pictures is in {src.resolve()}",
            hint="name another folder with --out; to take its pictures out and these in, say --yes",
        )
    return f"{made}; from now on it is made from {src.resolve()}"


def _source(out: Path) -> Path | None:
    """What the last run was over; None where that is not known."""
    try:
        return named_path(read_json(out / ".prep" / "config.json")["src"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _same(src: Path, before: Path) -> bool:
    try:
        return src.resolve() == before or before.samefile(src)
    except (OSError, ValueError):  # it is gone
        return False


def _shares(src: Path, out: Path) -> bool:
    """Whether one of its pictures lies in SRC under the same path; also where no run has ended yet."""
    try:
        paths = [row["source"] for row in manifest_rows(out, ["source"]) if row["source"]]
    except (FileNotFoundError, UsageError):
        return True
    return not paths or any((src / path).is_file() for path in paths if "\0" not in path)
