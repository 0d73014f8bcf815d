"""The README's first command, done for real: make, the starter models, every stage."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHARACTERS = ROOT / "examples" / "characters"


def make(*arguments: str) -> subprocess.CompletedProcess:
    """make, with the environment that runs this test instead of one of its own."""
    there = [f"BIN={Path(sys.executable).parent}", "VENV=.venv", "--old-file=.venv/.installed"]
    command = ["make", "--no-print-directory", *arguments, *there]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def make_examples(folder: Path) -> tuple[Path, str]:
    """`make dataset SRC=examples/characters`, unless folder has what it made -> (OUT, what was said)."""
    if not folder.exists():
        name = f"test-{os.getpid()}"
        out, beside = ROOT / "outputs" / name, folder.with_name(name)
        try:
            done = make("dataset", "SRC=examples/characters", f"NAME={name}")
            assert done.returncode == 0, done.stdout + done.stderr
            shutil.move(out, beside / "out")
        finally:
            shutil.rmtree(out, ignore_errors=True)
        (beside / "said.txt").write_text(done.stdout)
        beside.rename(folder)  # a folder that exists is whole
    return folder / "out", (folder / "said.txt").read_text()
