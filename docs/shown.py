"""Run prep for a page: what it prints, without the lines that say how far a stage has come."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOW_FAR = re.compile(r"\d+ of \d+(, about .* left)?$")


def prep(*arguments: str) -> str:
    command = [sys.executable, "-m", "prep", *arguments]
    return steady(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def steady(output: str) -> str:
    """The lines that do not depend on how fast the machine is."""
    return "".join(line for line in output.splitlines(keepends=True) if not HOW_FAR.search(line))
