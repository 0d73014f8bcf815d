"""manifest.parquet: one row per image, streamed in order, the same bytes for the same input.

It contains nothing about the machine, the time, or absolute paths.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from prep.blocks import batched
from prep.dataset.composed import Composed
from prep.dataset.own import write_own
from prep.ledger import Ledger
from prep.names import printable
from prep.tagging.readers import Disagreement
from prep.types import GenerationRequest, Made, Row, Summary

PLACE = "manifest.parquet"
SCHEMA_VERSION = 1
GROUP_ROWS = 2048

TAG = pa.struct([("name", pa.string()), ("score", pa.float32()), ("category", pa.string())])
REMOVED = pa.struct([("name", pa.string()), ("why", pa.string())])
DISAGREEMENT = pa.struct([("name", pa.string()), ("first", pa.float32()), ("second", pa.float32())])
NAMES = pa.list_(pa.string())

COLUMNS = pa.schema(
    [
        ("image_id", pa.string()),
        ("file", pa.string()),
        ("source", pa.string()),
        ("character", pa.string()),
        ("origin", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("flags", NAMES),
        ("near_of", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("format", pa.string()),
        ("bytes", pa.int64()),
        ("phash", pa.string()),
        ("edge_density", pa.float64()),
        ("complexity", pa.string()),
        ("threshold", pa.float64()),
        ("rating", pa.string()),
        ("tags", pa.list_(TAG)),
        ("removed", pa.list_(REMOVED)),
        ("caption", pa.string()),
        ("caption_source", pa.string()),
        ("tagger", pa.string()),
        ("generator", pa.string()),
        ("prompt", pa.string()),
        ("negative_prompt", pa.string()),
        ("seed", pa.int64()),
        ("sampler", pa.string()),
        ("steps", pa.int32()),
        ("guidance_scale", pa.float64()),
        ("strength", pa.float64()),
        ("parent_id", pa.string()),
        ("check_score", pa.float64()),
        ("check_missing", NAMES),
        ("check_unwanted", NAMES),
        ("recipe", pa.string()),
        ("manner", pa.string()),  # from here on: newer than 0.1.0
        ("asked", NAMES),
        ("changes", NAMES),
        ("check_identity", pa.float64()),
        ("check_damage", pa.float64()),
        ("check_alike", pa.float64()),
        ("variant", pa.string()),
        ("second_tagger", pa.string()),
        ("disagreements", pa.list_(DISAGREEMENT)),
        ("made_by", pa.string()),  # crop, generator or composite
        ("sentence_by", pa.string()),  # who wrote the sentence in the caption: hand, grammar, or a captioner's name
        ("sentence_why", pa.string()),  # why the grammar, although a captioner was asked
    ]
)


class SecondReader(NamedTuple):
    name: str
    disagreements: Callable[[Row], list[Disagreement] | None]  # None: it has not read the picture


class ManifestExporter:
    name = "manifest"

    def __init__(
        self,
        tagger: str | None,
        recipe: str,
        settings: dict[str, Any],
        ledger: Ledger,
        floor: float | None = None,
        second: SecondReader | None = None,
    ) -> None:
        """floor: the score below which the tagger tells nothing, where that is for another machine to say."""
        self.ledger = ledger
        self.tagger = tagger
        self.recipe = recipe
        self.floor = floor
        self.second = second
        self.settings = settings  # those that shape the result

    def write(self, rows: Iterable[Row], folder: Path) -> Summary:
        count = 0
        composed = Composed(folder / PLACE, self.ledger)

        def stream(target: Path) -> None:
            nonlocal count
            # Opened here: Arrow accepts only paths in UTF-8.
            options = {"compression": "zstd", "write_page_checksum": True}  # else a flipped bit is another value
            with composed, target.open("wb") as file, pq.ParquetWriter(file, self._schema(), **options) as writer:
                for group in batched(rows, GROUP_ROWS):
                    writer.write_table(self._table(group, composed))
                    count += len(group)

        composed.keep(write_own(folder, PLACE, stream, self.ledger))
        return Summary(images=count, written=1, unchanged=0, removed=0)

    def _schema(self) -> pa.Schema:
        floor = {} if self.floor is None else {"prep.floor": str(self.floor)}
        return COLUMNS.with_metadata(
            floor
            | {
                "prep.schema": str(SCHEMA_VERSION),
                "prep.version": version("prep-lora"),
                "prep.settings": json.dumps(self.settings, sort_keys=True),
            }
        )

    def _table(self, rows: Sequence[Row], composed: Composed) -> pa.Table:
        """Column by column: made of a dict per row, it would take ten times as long."""
        refs, captions = [row.ref for row in rows], [row.caption for row in rows]
        worded = [row.worded for row in rows]
        columns = {
            "image_id": [ref.sha256 or None for ref in refs],
            "file": [row.exported for row in rows],
            "source": [None if row.made else printable(row.ref.path) for row in rows],
            "character": [printable(ref.character) for ref in refs],
            "origin": [row.origin for row in rows],
            "status": [row.status for row in rows],
            "reason": [row.reason for row in rows],
            "flags": [sorted(row.flags) for row in rows],
            "near_of": [row.near_of for row in rows],
            "width": [ref.width or None for ref in refs],
            "height": [ref.height or None for ref in refs],
            "format": [ref.format or None for ref in refs],
            "bytes": [ref.bytes for ref in refs],
            "phash": [ref.phash or None for ref in refs],
            "edge_density": [ref.edge_density if ref.width else None for ref in refs],
            "complexity": [row.complexity for row in rows],
            "caption": [row.final_text for row in rows],
            "caption_source": [row.caption_source for row in rows],
            "sentence_by": [each and ("hand" if each.own else each.by) or None for each in worded],
            "sentence_why": [each and each.why or None for each in worded],
            "tagger": [caption and self.tagger for caption in captions],
            "recipe": [caption and self.recipe for caption in captions],
            "variant": [printable(ref.variant) or None for ref in refs],
            **composed.columns(captions, COLUMNS),
        }
        more = [self._of_second(row) | (_made(row.made) if row.made else {}) for row in rows]
        rest = {name: [each.get(name) for each in more] for name in COLUMNS.names if name not in columns}
        return pa.table(columns | rest, COLUMNS)

    def _of_second(self, row: Row) -> dict[str, Any]:
        found = self.second.disagreements(row) if self.second and row.caption else None
        if found is None:
            return {}
        columns = [{"name": each.name, "first": each.first, "second": each.second} for each in found]
        return {"second_tagger": self.second.name, "disagreements": columns}


def _made(made: Made) -> dict[str, Any]:
    own = _drawn(made) if made.request else {"manner": made.part}
    return {"made_by": made.by, "parent_id": made.parent, **own}


def _drawn(made: Made) -> dict[str, Any]:
    request, check = made.request, made.check
    return {
        "generator": f"{request.generator} {request.precision}",
        "prompt": request.whole_prompt,
        "negative_prompt": request.negative,
        "seed": request.seed,
        "sampler": request.sampler,
        "steps": request.steps,
        "guidance_scale": request.guidance,
        "strength": request.strength,
        "check_score": check.score,
        "check_missing": check.missing,
        "check_unwanted": check.unwanted,
        "manner": manner(request),
        "asked": request.asked,
        "changes": request.changes,
        "check_identity": check.identity,
        "check_damage": check.damage,
        "check_alike": check.alike,
    }


def manner(request: GenerationRequest) -> str:
    """How a picture was drawn, in the words of vary.toml: text, img2img, edit or composite."""
    return request.manner if request.manner != "draw" else "text" if request.strength is None else "img2img"
