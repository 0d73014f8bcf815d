"""Weights on disk, as tests want them."""

import os
from pathlib import Path


def written(path: Path, data: bytes = b"weights", age_seconds: int = 60) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    then = path.stat().st_mtime - age_seconds
    os.utime(path, (then, then))
    return path
