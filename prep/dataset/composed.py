"""What follows from the scores in the manifest's rows, taken from the last manifest: composing all of it again would
take most of a run that changes little.

The ledger keeps the proof of each row's caption (see captions/compose.py) with the hash of the manifest. A row with the
same proof has the same tags, whatever picture it is of.
"""

import hashlib
import os
from collections.abc import Sequence
from contextlib import ExitStack
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from prep.captions.compose import PROOF_BYTES
from prep.files import open_file
from prep.ledger import Ledger, Shelf
from prep.types import Caption

PROOFS = Shelf(
    "composed",  # subject: manifest.parquet
    (
        pa.field("manifest", pa.string()),  # its sha256, hex
        pa.field("version", pa.string()),  # prep's
        pa.field("proofs", pa.binary()),  # one after the other, PROOF_BYTES each; zeros for a row without a caption
    ),
    made_again=True,
)
NO_PROOF = bytes(PROOF_BYTES)
COLUMNS = ("threshold", "rating", "tags", "removed")


class Composed:
    """The last manifest's columns that follow from the scores. Closed at the end of `with`."""

    def __init__(self, path: Path, ledger: Ledger) -> None:
        """path: manifest.parquet, as it is before it is written again. It is used only as prep wrote it."""
        self.path = path
        self.ledger = ledger
        self.proofs = bytearray()  # of the rows asked for so far
        self._last = ledger.rows(PROOFS).get(path.name)
        self._known = np.zeros(0, np.int64)  # the proofs in the last manifest, sorted, and where each is
        self._where = np.zeros(0, np.int64)
        self._starts = np.zeros(0, np.int64)  # the first row of each row group
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        last = self._last
        if last is None or last["proofs"] is None or last["version"] != version("prep-lora"):
            return self
        try:
            file = self._opened.enter_context(os.fdopen(open_file(self.path, os.O_RDONLY), "rb"))
            if hashlib.file_digest(file, "sha256").hexdigest() != last["manifest"]:
                return self
            table = pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=False)
        except (OSError, pa.ArrowException):  # gone, or not prep's: all is composed
            return self
        self._known, self._where = np.unique(_numbers(last["proofs"]), return_index=True)
        rows = [table.metadata.row_group(group).num_rows for group in range(table.num_row_groups)]
        self._starts = np.cumsum([0, *rows[:-1]])
        # Rows keep their order from one manifest to the next: two groups are in memory at a time.
        self._group = lru_cache(2)(lambda at: table.read_row_group(at, list(COLUMNS), use_threads=False))
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def columns(self, captions: Sequence[Caption | None], schema: pa.Schema) -> dict[str, pa.ChunkedArray]:
        """Name -> values, of COLUMNS. captions: of the next rows, in order; None: the row has none."""
        proofs = b"".join(NO_PROOF if each is None else each.proof for each in captions)
        self.proofs += proofs
        places = self._places(_numbers(proofs))
        fresh = [each for each, place in zip(captions, places.tolist(), strict=True) if place < 0]
        tables = [pa.table(_columns(fresh), pa.schema([schema.field(name) for name in COLUMNS]))]
        order, begin = np.empty(len(captions), np.int64), len(fresh)
        order[places < 0] = np.arange(len(fresh))
        groups = np.searchsorted(self._starts, places, "right") - 1
        for group in np.unique(groups[places >= 0]).tolist():
            here = (groups == group) & (places >= 0)
            order[here] = begin + np.arange(np.count_nonzero(here))
            tables.append(self._group(group).take(places[here] - self._starts[group]))
            begin += np.count_nonzero(here)
        table = pa.concat_tables(tables).combine_chunks().take(order)
        return dict(zip(COLUMNS, table.columns, strict=True))

    def _places(self, proofs: np.ndarray) -> np.ndarray:
        """int64 [N]: where a row with the proof is in the last manifest, or -1."""
        if not len(self._known):
            return np.full(len(proofs), -1)
        at = np.searchsorted(self._known, proofs).clip(max=len(self._known) - 1)
        there = (self._known[at] == proofs) & (proofs != 0)  # NO_PROOF: there is no caption
        return np.where(there, self._where[at], -1)

    def keep(self, digest: str) -> None:
        """Record the proofs of the rows that were asked for. digest: sha256 of the manifest that has them, hex."""
        row = {"manifest": digest, "version": version("prep-lora"), "proofs": bytes(self.proofs)}
        if self._last is None or row.items() - self._last.items():
            self.ledger.replace(PROOFS, [row | {"subject": self.path.name, "recipe": ""}])


def _columns(captions: Sequence[Caption | None]) -> dict[str, list[Any]]:
    return {
        "threshold": [each and each.threshold for each in captions],
        "rating": [each and each.rating for each in captions],
        "tags": [
            each and [{"name": tag.name, "score": tag.score, "category": tag.category} for tag in each.tags]
            for each in captions
        ],
        "removed": [each and [{"name": gone.name, "why": gone.why} for gone in each.removed] for each in captions],
    }


def _numbers(proofs: bytes) -> np.ndarray:
    """int64 [N]: one for each proof."""
    return np.frombuffer(proofs, np.int64, len(proofs) // PROOF_BYTES)
