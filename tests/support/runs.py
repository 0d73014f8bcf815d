"""Running prep in tests: in this process with a fake tagger that counts, or as a real process with a real network."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from prep.config import load_settings
from prep.pipeline import road
from prep.run import Options
from tests.fakes import FakeRunner

EDIT = ", red scarf"


def run_here(src: Path, out: Path, tagger: Path, *sets: str, **options) -> road.Result:
    settings = load_settings(src, None, (f"tagger.model={tagger}", *sets), out)
    return road.run(src, out, settings, Options(**options), FakeRunner())


def prep(*arguments, **options) -> subprocess.CompletedProcess:
    """`prep ...` as a process of its own; its output as text."""
    command = [sys.executable, "-m", "prep", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **options)


def manifest(out: Path) -> list[dict]:
    with (out / "manifest.parquet").open("rb") as file:  # opened here: Arrow takes no path that is not UTF-8
        return pq.read_table(file).to_pylist()


def captions(out: Path) -> dict[str, str]:
    """Path in SRC -> the text in kohya/."""
    return {row["source"]: (out / row["file"]).with_suffix(".txt").read_text() for row in manifest(out) if row["file"]}


def tree(out: Path) -> dict[str, str]:
    """Every file of the set but prep's own state -> sha256. Two equal trees are the same bytes."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and ".prep" not in path.relative_to(out).parts
    }


def sidecar(out: Path, source: str) -> Path:
    return (out / next(row["file"] for row in manifest(out) if row["source"] == source)).with_suffix(".txt")


def older(folder) -> None:
    """Let files look as if they had lain there for an hour, so that their stat can be trusted."""
    past = time.time() - 3600
    for path in folder.rglob("*"):
        os.utime(path, (past, past))
