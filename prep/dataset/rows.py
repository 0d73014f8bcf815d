"""The manifest of an OUT, read: the one place that opens it. See manifest.py for what is written."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prep.errors import UsageError
from prep.files import open_file


def manifest_rows(out: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows in their order. Raises FileNotFoundError where there is none, UsageError when it is damaged."""
    with _opened(out) as table:
        if missing := [name for name in columns or () if name not in table.schema_arrow.names]:
            raise KeyError(f"it has no column {missing[0]}")
        for batch in table.iter_batches(1024, columns=columns):
            yield from batch.to_pylist()


def manifest_facts(out: Path) -> dict[str, Any]:
    """`settings` that shaped the set, and prep's `version`. Raises as manifest_rows."""
    with _opened(out) as table:
        metadata = table.schema_arrow.metadata or {}
        settings = json.loads(metadata.get(b"prep.settings", b"{}"))
        if not isinstance(settings, dict):
            raise ValueError("its settings are no table")
        return {
            "settings": settings,
            "version": metadata[b"prep.version"].decode() if b"prep.version" in metadata else None,
        }


@contextmanager
def _opened(out: Path) -> Iterator[Any]:
    import pyarrow.parquet as pq  # here, so that a command's --help does without

    path = out / "manifest.parquet"
    try:
        # Opened here: Arrow takes no path that is not UTF-8.
        with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file, pq.ParquetFile(file) as table:
            yield table
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, RecursionError) as error:
        first = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(f"{path} cannot be read: {first}", hint="run prep again") from None
