"""Whether an OUT belongs to a SRC: otherwise two folders of the same name would destroy each other's set."""

from pathlib import Path

from prep.dataset.rows import manifest_rows
from prep.documents import read_json
from prep.errors import UsageError
from prep.files import named_path


def check_made_from(src: Path, out: Path, named: bool, yes: bool) -> str:
    """-> a line to print if OUT was made from another folder and the run continues; otherwise empty.

    named: the user named OUT; it does not follow from SRC's name. yes: continue even if no picture is the same. Raises
    UsageError if OUT was made from another folder and either was not named, or no picture of it is in SRC.
    """
    before = _source(out)
    if before is None or not src.is_dir() or _same(src, before):
        return ""
    made = f"{out} was made from {before}"
    if not named:
        raise UsageError(
            f"{made}, not from {src.resolve()}",
            hint=f"name another folder with --out; if these are the same pictures, moved, add --out {out}",
        )
    if not (yes or _shares(src, out)):
        raise UsageError(
            f"{made}, and none of its pictures is in {src.resolve()}",
            hint="name another folder with --out; to replace its pictures by these, add --yes",
        )
    return f"{made}; from now on it is made from {src.resolve()}"


def _source(out: Path) -> Path | None:
    """The SRC of the last run; None if it is unknown."""
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
    """Whether one of its pictures is in SRC under the same path; true if no run has finished yet."""
    try:
        paths = [row["source"] for row in manifest_rows(out, ["source"]) if row["source"]]
    except (FileNotFoundError, UsageError):
        return True
    return not paths or any((src / path).is_file() for path in paths if "\0" not in path)
