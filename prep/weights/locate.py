"""Weights that are here: in the folder that PREP_MODELS names, in the cache, in the package. And their hashes.

A hash is remembered by the file's size, time and inode, so that half a gigabyte is read once.
"""

import contextlib
import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from prep.errors import UsageError
from prep.files import write_whole
from prep.weights.known import PACKAGE, Model, known

SETTLED_SECONDS = 2  # a file younger than this may change again without its time showing it


@dataclass(frozen=True)
class Weights:
    name: str
    path: Path
    sha256: str
    bytes: int
    source: str  # PREP_MODELS, cache, package, file


def cache_folder() -> Path:
    """$PREP_CACHE, or prep/ in the user's cache folder."""
    if own := os.environ.get("PREP_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prep"


def locate(name: str) -> Weights | None:
    """The weights of that name, if they are here; the network is not asked."""
    for source, path in places(known(name)):
        if path.is_file():
            return weights_at(path, known(name).name, source)
    return None


def places(model: Model) -> list[tuple[str, Path]]:
    """Where a model's file may lie, in the order in which it is looked for."""
    found = []
    if folder := os.environ.get("PREP_MODELS"):
        found.append(("PREP_MODELS", Path(folder) / model.file))
    found.append(("cache", cache_folder() / "models" / model.file))
    if model.packaged:
        found.append(("package", PACKAGE / model.file))
    if model.repo and (cached := _in_hub_cache(model)):
        found.append(("cache", cached))
    return found


def weights_at(path: Path, name: str = "file", source: str = "file") -> Weights:
    """Raises UsageError when there is no such file."""
    if not path.is_file():
        raise UsageError(f"{path} does not exist", hint="tagger.model takes a name or a checkpoint file")
    return Weights(name, path, sha256_of(path), path.stat().st_size, source)


def sha256_of(path: Path) -> str:
    status = path.stat()
    key = f"{path.resolve()}:{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
    memory = _memory()
    if key not in memory:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if time.time() - status.st_mtime < SETTLED_SECONDS:
            return digest
        _remember({**memory, key: digest})
        return digest
    return memory[key]


def _memory() -> dict[str, str]:
    try:
        memory = json.loads((cache_folder() / "hashes.json").read_text())
    except (OSError, ValueError):
        return {}
    return memory if isinstance(memory, dict) else {}


def _remember(memory: dict[str, str]) -> None:
    # A home that cannot be written costs a second hashing, no more.
    with contextlib.suppress(Exception):
        cache_folder().mkdir(parents=True, exist_ok=True)
        write_whole(cache_folder() / "hashes.json", json.dumps(memory, indent=0).encode())


def _in_hub_cache(model: Model) -> Path | None:
    """Looks into huggingface_hub's cache without importing it: the import costs half a second."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = hub / f"models--{model.repo.replace('/', '--')}" / "snapshots"
    return next(iter(sorted(snapshots.glob(f"*/{model.file}"))), None)
