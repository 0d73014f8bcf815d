"""Hashes of model files, remembered by size, time and inode, so that half a gigabyte is read only once.

Also the hash of each fetched file, to notice a later change.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prep.documents import read_json
from prep.errors import PrepError, StoppedError, WeightsError
from prep.files import open_file, write_whole

SETTLED_SECONDS = 2  # a file younger than this may change again without a new time


def cache_folder() -> Path:
    """$PREP_CACHE, or prep/ in the user's cache folder. Raises StoppedError when there is no home folder."""
    if own := os.environ.get("PREP_CACHE"):
        return Path(own)
    from platformdirs import user_cache_dir

    try:
        return at_home(user_cache_dir("prep", appauthor=False))
    except RuntimeError:  # newer versions; older ones leave the ~ unchanged
        return at_home("~")


def at_home(folder: str) -> Path:
    """A folder that a library names. Raises StoppedError for a ~ without a home folder."""
    if Path(folder).parts[:1] == ("~",):
        raise StoppedError("there is no home folder to keep weights in", hint="set PREP_CACHE to a folder")
    return Path(folder)


def sha256_of(path: Path) -> str:
    """Raises WeightsError when the file cannot be read."""
    try:
        before = _mark(path)
        known = _memory()["files"].get(str(path.resolve()))
        if isinstance(known, list) and known[:-1] == before:
            return known[-1]
        with os.fdopen(open_file(path, os.O_RDONLY, follow=True), "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        after = _mark(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}", hint="check its owner and mode") from None
    if before == after and time.time() - path.stat().st_mtime >= SETTLED_SECONDS:
        _remember("files", str(path.resolve()), [*before, digest])
    return digest


def digest_of(files: Mapping[str, Path]) -> str:
    """The digest of a model's files by part: of a single file its sha256; otherwise the sha256 of the lines `sha256 of
    the first`, then `part sha256` of the others. A folder counts as the sha256s of its safetensors files, one per line.

    Raises WeightsError when a file cannot be read, or a folder contains none.
    """
    (_, first), *others = ((part, _content(path)) for part, path in files.items())
    if not others:
        return first
    return _of_lines([first, *(f"{part} {digest}" for part, digest in others)])


def _content(path: Path) -> str:
    if not path.is_dir():
        return sha256_of(path)
    files = sorted(path.glob("**/*.safetensors"))
    if not files:
        raise WeightsError(f"{path} holds no safetensors files", hint="name a diffusers folder, or a single file")
    return _of_lines([sha256_of(file) for file in files])


def _of_lines(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def remember_fetched(name: str, part: str, path: Path, sha256: str) -> None:
    """Record a file that prep has just written: its hash is known without reading it again."""
    _remember("files", str(path.resolve()), [*_mark(path), sha256])
    _remember("fetched", _fetched_key(name, part), sha256)


def fetched_sha256(name: str, part: str = "model") -> str | None:
    """The sha256 of this file when it was last fetched; None if it never was."""
    return _memory()["fetched"].get(_fetched_key(name, part))


def _fetched_key(name: str, part: str) -> str:
    return name if part == "model" else f"{name} {part}"


def _mark(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _memory() -> dict[str, dict[str, Any]]:
    try:
        kept = read_json(cache_folder() / "hashes.json", follow=True)
    except (OSError, ValueError, StoppedError):
        kept = None
    kept = kept if isinstance(kept, dict) else {}
    return {part: kept[part] if isinstance(kept.get(part), dict) else {} for part in ("files", "fetched")}


def _remember(part: str, key: str, value: Any) -> None:
    memory = _memory()
    memory[part][key] = value
    # A cache that cannot be written only costs hashing again.
    with contextlib.suppress(OSError, PrepError):
        cache_folder().mkdir(parents=True, exist_ok=True)
        write_whole(cache_folder() / "hashes.json", json.dumps(memory, indent=1).encode())
