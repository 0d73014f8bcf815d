"""Weights on this machine: in the folder that PREP_MODELS names, in a cache, or in the package. Uses no network."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from prep.errors import StoppedError, UsageError
from prep.files import what_is
from prep.models.hashes import cache_folder, digest_of, fetched_sha256, sha256_of
from prep.models.hub import hub_cache
from prep.models.known import PACKAGE, all_known, known
from prep.models.published import differs
from prep.registry import ModelFile, ModelSpec
from prep.typed import typed_path


@dataclass(frozen=True)
class Weights:
    """A model whose files are on this machine."""

    name: str
    spec: ModelSpec
    files: Mapping[str, Path]  # by part; the first is the weights
    digest: str  # of all files; for a single file its sha256, hex
    source: str  # PREP_MODELS, cache, package, file
    note: str = ""  # what the user should know about these files, or empty

    @property
    def path(self) -> Path:
        return next(iter(self.files.values()))


def locate(name: str) -> Weights | None:
    """The weights of this name, if they are on this machine. The first time, files are read to hash them.

    Raises UsageError for an unknown name, WeightsError for a file that cannot be read.
    """
    spec = known(name)
    found = find(spec)
    return weights_of(spec, found[1], found[0]) if found else None


def find(spec: ModelSpec) -> tuple[str, dict[str, Path]] | None:
    """(source of the first, files by part), each from the first place that has it; None if one is missing."""
    sources, files = [], {}
    for file in spec.files:
        place = next(((source, path) for source, path in places(spec, file) if path.is_file()), None)
        if place is None:
            return None
        sources.append(place[0])
        files[file.part] = place[1]
    return sources[0], files


def models_folder() -> Path | None:
    """The folder that PREP_MODELS names, which may be missing; None if it is not set. Raises like typed_path."""
    named = os.environ.get("PREP_MODELS")
    return typed_path(named) if named else None


def places(spec: ModelSpec, file: ModelFile) -> Iterator[tuple[str, Path]]:
    """(source, file): where a model's file may be, in search order.

    A folder of several models has a sub-folder per model; a file with a unique name may be directly in the folder.
    """
    alone = sum(other.basename == file.basename for each in all_known() for other in each.files) < 2
    if folder := models_folder():
        yield "PREP_MODELS", folder / spec.name / file.basename
        if alone:
            yield "PREP_MODELS", folder / file.basename
    if file.packaged:
        yield "package", PACKAGE / file.name
        return
    try:
        yield "cache", target_of(spec, file)
        if alone:
            yield "cache", cache_folder() / "models" / file.basename  # where 0.1.0 kept it
        if file.repo and (cached := _in_hub_cache(file)):
            yield "cache", cached
    except StoppedError:  # no home folder, no cache
        return


def weights_of(spec: ModelSpec, files: Mapping[str, Path], source: str, name: str = "") -> Weights:
    """Raises WeightsError when a file cannot be read."""
    digest, changed, notes = digest_of(files), [], []
    for file in spec.files if source != "file" else ():
        fetched, sha256 = fetched_sha256(spec.name, file.part), sha256_of(files[file.part])
        if fetched and sha256 != fetched:
            changed.append(file.basename)
        elif what := differs(file, sha256):
            notes.append(what)
    if changed:
        which = "" if len(spec.files) == 1 else f"{', '.join(changed)}: "
        notes.append(f"{which}not the file that was fetched: it has been changed since")
    return Weights(name or spec.name, spec, dict(files), digest, source, "; ".join(notes))


def files_at(spec: ModelSpec, path: Path, setting: str) -> dict[str, Path]:
    """The files of a model that the user named by path, by part: the others are beside the first, or in its folder.

    Raises UsageError when one is missing; an optional one may be.
    """
    known = spec.beside or spec.files
    names = {file.part: file.basename for file in known}
    if len(names) > 1:
        folder = path if path.is_dir() else path.parent
        files = {part: folder / name for part, name in names.items()}
        if not path.is_dir():
            files[next(iter(files))] = path
        for file in known:
            if file.optional and not os.path.lexists(files[file.part]):
                del files[file.part]
    else:
        files = {next(iter(names), "model"): path}
    for file in files.values():
        if (what := what_is(file)) and what != "is a folder":  # a pipe would block, and a device never ends
            raise UsageError(f"{setting}: {file} {what}", hint=f"set {setting} to a name, a path, or NAME:PATH")
    return files


def target_of(spec: ModelSpec, file: ModelFile) -> Path:
    """Where a file from a release page is kept once it is fetched."""
    return cache_folder() / "models" / spec.name / file.basename


def _in_hub_cache(file: ModelFile) -> Path | None:
    folder = hub_cache() / f"models--{file.repo.replace('/', '--')}"
    if not folder.is_dir():  # mostly so, and loading all of the client takes 0.2 s
        return None
    from huggingface_hub import try_to_load_from_cache

    found = None
    with contextlib.suppress(OSError):  # an unreadable cache has nothing for us
        found = try_to_load_from_cache(file.repo, file.name, cache_dir=hub_cache())
    return (
        Path(found) if isinstance(found, str) else None
    )  # otherwise it may be a marker that the repo has no such file
