"""Read the manifest of an OUT: the one place that opens it. manifest.py writes it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prep.documents import parse_json
from prep.errors import UsageError
from prep.files import open_file

NEVER_NULL = ("character", "origin", "status")
# Null in the rows of an older prep.
NEWER = frozenset(
    "manner asked changes check_identity check_damage check_alike variant second_tagger disagreements made_by "
    "sentence_by sentence_why".split()
)


def manifest_rows(out: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows in order. Raises FileNotFoundError when there is no manifest, UsageError when it is damaged."""
    with _opened(out) as table:
        _check_columns(table.schema_arrow, columns or NEVER_NULL)
        missing = dict.fromkeys(NEWER.difference(table.schema_arrow.names).intersection(columns or NEWER))
        wanted = columns and [name for name in columns if name not in missing]
        left = table.metadata.num_rows
        for batch in table.iter_batches(1024, columns=wanted, use_threads=False):
            left -= len(batch)
            for name in NEVER_NULL:
                if name in batch.schema.names and batch.column(name).null_count:
                    raise ValueError(f"it has a row without {name}")
            yield from (row | missing for row in batch.to_pylist()) if missing else batch.to_pylist()
        if left:
            raise ValueError("it ends before its last row")


def manifest_columns(out: Path, columns: Sequence[str]) -> Any:
    """A pyarrow Table of these columns. Raises like manifest_rows."""
    with _opened(out) as table:
        _check_columns(table.schema_arrow, columns)
        return table.read(list(columns), use_threads=False)


def manifest_facts(out: Path) -> dict[str, Any]:
    """The `settings` that shaped the set, and prep's `version`. Raises like manifest_rows."""
    with _opened(out) as table:
        metadata = table.schema_arrow.metadata or {}
        settings = parse_json(metadata.get(b"prep.settings", b"{}"))
        if not isinstance(settings, dict):
            raise ValueError("its settings are not a table")
        return {
            "settings": settings,
            "version": metadata[b"prep.version"].decode() if b"prep.version" in metadata else None,
        }


def _check_columns(schema: Any, wanted: Iterable[str]) -> None:
    """Raises ValueError when a wanted column is missing, or one of prep's columns has another type."""
    from prep.dataset.manifest import COLUMNS

    for name in wanted:
        if name not in schema.names and name not in NEWER:
            raise ValueError(f"it has no column {name}")
    for field in COLUMNS:
        if field.name in schema.names and not schema.field(field.name).type.equals(field.type):
            raise ValueError(f"{field.name} is {schema.field(field.name).type}, not {field.type}")


@contextmanager
def _opened(out: Path) -> Iterator[Any]:
    import pyarrow as pa  # imported here, so that --help does not need them
    import pyarrow.parquet as pq

    path = out / "manifest.parquet"
    try:
        # Opened here: Arrow accepts only paths in UTF-8. Not pre_buffer, whose threads may outlive the file.
        with (
            os.fdopen(open_file(path, os.O_RDONLY), "rb") as file,
            pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=False) as table,
        ):
            yield table
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, RecursionError, pa.ArrowException) as error:
        first = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(f"{path} cannot be read: {first}", hint="run prep again") from None
