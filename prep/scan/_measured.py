"""The measures of many pictures as columns: a set is selected there, and becomes Python objects a block at a time."""

import os
from collections.abc import Iterable, Iterator
from sys import intern

import numpy as np
import pyarrow as pa

from prep.blocks import BATCH, batched
from prep.types import ImageRef, Problem

SCHEMA = pa.schema(
    [
        ("sha256", pa.string()),
        ("path", pa.binary()),  # it need not be UTF-8
        ("character", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("format", pa.string()),
        ("bytes", pa.int64()),
        ("edge_density", pa.float64()),
        ("sharpness", pa.float64()),
        ("phash", pa.string()),
        ("flags", pa.list_(pa.string())),
        ("pixels", pa.string()),
        ("problem", pa.list_(pa.string())),  # stage, kind, message and hint
        ("variant", pa.string()),
    ]
)


def table_of(refs: Iterable[ImageRef]) -> pa.Table:
    """Their columns, as ImageRef names them."""
    return pa.Table.from_batches(map(_batch, batched(refs)), SCHEMA).combine_chunks()


def refs_of(table: pa.Table, places: np.ndarray) -> Iterator[ImageRef]:
    """The pictures at these places of the table, in their order."""
    for at in range(0, len(places), BATCH):
        for row in zip(*(column.to_pylist() for column in table.take(places[at : at + BATCH]).columns), strict=True):
            yield _ref(*row)


def _batch(refs: list[ImageRef]) -> pa.RecordBatch:
    columns = dict(zip(ImageRef._fields, zip(*refs, strict=True), strict=True))
    columns["path"] = map(os.fsencode, columns["path"])
    columns["problem"] = [each and (each.stage, each.kind, each.message, each.hint) for each in columns["problem"]]
    return pa.record_batch([pa.array([*columns[field.name]], field.type) for field in SCHEMA], schema=SCHEMA)


def _ref(
    sha256, path, character, width, height, format_, size, edges, sharpness, phash, flags, pixels, problem, variant
) -> ImageRef:
    return ImageRef(
        sha256, os.fsdecode(path), intern(character), width, height, intern(format_), size, edges, sharpness, phash,
        tuple(flags), pixels, problem and Problem(*problem), intern(variant),
    )  # fmt: skip
