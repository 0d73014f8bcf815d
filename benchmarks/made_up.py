"""A file of made-up SD3.5 weights for the scripts that are run on demand: written to a temporary folder, and removed
whatever happens but a kill -9.
"""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
GB = 1e9
# Size -> (GB of disk: the tensors' bytes twice, since they are written before their header; GB of memory).
NEEDS = {"large": (17.0, 12.0), "medium": (6.5, 5.0), "tiny": (0.1, 1.0)}


@contextlib.contextmanager
def weights(size: str, layout: str) -> Iterator[Path]:
    """The file. Leaves with a sentence when the machine lacks room for it."""
    with folder_for(size) as folder:
        path = folder / f"sd35-{size}.safetensors"
        made = [ROOT / "tests/sd35/make_checkpoint.py", path, "--size", size, "--layout", layout]
        subprocess.run([sys.executable, *map(str, made)], check=True)
        print(f"{path.name}: {path.stat().st_size / GB:.2f} GB, {layout}", flush=True)
        yield path


@contextlib.contextmanager
def folder_for(size: str) -> Iterator[Path]:
    """A temporary folder for weights of that size. Leaves with a sentence when the machine lacks room for them."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that the folder is removed
    with tempfile.TemporaryDirectory(prefix="prep-sd35-") as name:
        if sentence := missing(Path(name), size):
            sys.exit(sentence)
        yield Path(name)


def missing(folder: Path, size: str) -> str:
    """What this machine lacks, in a sentence; empty when there is enough."""
    disk_gb, memory_gb = NEEDS[size]
    free_gb = shutil.disk_usage(folder).free / GB
    if free_gb < disk_gb:
        return f"{size} needs {disk_gb} GB of disk, {free_gb:.1f} are free in {folder}; TMPDIR names another folder"
    memory = Path("/proc/meminfo")
    if memory.is_file():
        lines = dict(line.split(":") for line in memory.read_text().splitlines())
        available_gb = int(lines["MemAvailable"].split()[0]) * 1024 / GB
        if available_gb < memory_gb:
            return f"{size} needs {memory_gb} GB of memory, {available_gb:.1f} are available"
    return ""


def alone(script: str, *arguments: str) -> dict:
    """The script once more, in a process with nothing else in it -> the JSON of its last line."""
    command = [sys.executable, str(Path(script).resolve()), *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])
