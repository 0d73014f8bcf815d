"""Weights on disk, as tests want them."""

import os
from dataclasses import replace
from pathlib import Path

from prep.models import known
from prep.models.locate import target_of
from prep.registry import family


def written(path: Path, data: bytes = b"weights", age_seconds: int = 60) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    then = path.stat().st_mtime - age_seconds
    os.utime(path, (then, then))
    return path


def target(name: str) -> Path:
    """Where a model of one file is kept once it is fetched."""
    spec = known(name)
    return target_of(spec, spec.files[0])


def basename(name: str) -> str:
    return known(name).files[0].basename


def change_file(monkeypatch, model: str, **changes) -> None:
    """Change what is known of a model's first file: its address, its size, ..."""
    spec = known(model)
    changed = replace(spec, files=(replace(spec.files[0], **changes), *spec.files[1:]))
    monkeypatch.setitem(family(spec.role).members, model, changed)
