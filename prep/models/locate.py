"""Weights that are here: in the folder that PREP_MODELS names, in a cache, in the package. No network is asked."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prep.errors import StoppedError, UsageError
from prep.models.hashes import cache_folder, fetched_sha256, sha256_of
from prep.models.hub import check_endpoint, hub_cache
from prep.models.known import PACKAGE, Model, known


@dataclass(frozen=True)
class Weights:
    name: str
    path: Path
    sha256: str
    bytes: int
    source: str  # PREP_MODELS, cache, package, file
    note: str = ""  # what a person should know of this file, or empty


def locate(name: str) -> Weights | None:
    """The weights of that name, if they are here. The first time, the file is read through for its hash.

    Raises UsageError for an unknown name, WeightsError for a file that cannot be read.
    """
    found = find(known(name))
    return weights_at(found[1], known(name).name, found[0]) if found else None


def find(model: Model) -> tuple[str, Path] | None:
    """(source, file) of the first place that has it; nothing is read."""
    return next(((source, path) for source, path in places(model) if path.is_file()), None)


def places(model: Model) -> Iterator[tuple[str, Path]]:
    """(source, file): where a model may lie, in the order in which it is looked for."""
    if folder := os.environ.get("PREP_MODELS"):
        yield "PREP_MODELS", Path(folder) / Path(model.file).name
    if model.packaged:
        yield "package", PACKAGE / model.file
        return
    try:
        yield "cache", target_of(model)
        if model.repo and (cached := _in_hub_cache(model)):
            yield "cache", cached
    except StoppedError:  # no home folder, no cache
        return


def weights_at(path: Path, name: str = "file", source: str = "file") -> Weights:
    """Raises UsageError when there is no such file, WeightsError when it cannot be read."""
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise UsageError(f"{path} {found}", hint="tagger.model takes a name or a checkpoint file")
    sha256, fetched = sha256_of(path), fetched_sha256(name)
    note = "not the file that was fetched: it was changed since" if fetched and sha256 != fetched else ""
    return Weights(name, path, sha256, path.stat().st_size, source, note)


def folder_at(path: Path) -> Weights:
    """A diffusers folder as weights. Raises UsageError when it holds none, WeightsError when they cannot be read."""
    files = sorted(path.glob("**/*.safetensors"))
    if not files:
        raise UsageError(f"{path} holds no safetensors files", hint="name a diffusers folder, or a single file")
    hashed = hashlib.sha256("\n".join(sha256_of(file) for file in files).encode()).hexdigest()
    return Weights("file", path, hashed, sum(file.stat().st_size for file in files), "file")


def target_of(model: Model) -> Path:
    """Where a release page's file is kept once it is fetched."""
    return cache_folder() / "models" / Path(model.file).name


def _in_hub_cache(model: Model) -> Path | None:
    check_endpoint()
    from huggingface_hub import try_to_load_from_cache

    found = None
    with contextlib.suppress(OSError):  # a cache that may not be read has nothing for us
        found = try_to_load_from_cache(model.repo, model.file, cache_dir=hub_cache())
    return Path(found) if isinstance(found, str) else None  # else it may be a mark: the repo has no such file
