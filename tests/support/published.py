"""A small OUT to publish, written straight to disk: real pictures with canaries, drawn ones and rejected ones."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from prep.dataset.manifest import COLUMNS
from prep.names import slugs
from prep.sections import Settings
from tests.support.pictures import drawing, save

GPS_POSITION = (51.0, 28.0, 38.0)
CANARIES = (
    "canary-artist",
    "2031:04:05",
    "canary-prompt",
    "canary-person",
    "canary-folder",
    "canary-tail",
    "canary-xmp",
)


def with_canaries(path: Path, number: int) -> Path:
    """A picture with EXIF, GPS, XMP, comments and a prompt, wherever its format can hold them."""
    exif = Image.Exif()
    exif[0x013B] = "canary-artist"
    exif.get_ifd(0x8825).update({1: "N", 2: GPS_POSITION, 3: "W", 4: GPS_POSITION, 29: "2031:04:05"})
    notes = PngInfo()
    notes.add_text("parameters", "canary-prompt")
    notes.add_itxt("prep", "canary-prompt", zip=True)
    own = {
        ".jpg": {"comment": b"canary-person", "quality": 85, "xmp": b"<x>canary-xmp</x>"},
        ".png": {"pnginfo": notes},
    }
    save(drawing(number, 96, 80), path, exif=exif, **own.get(path.suffix, {"xmp": b"<x>canary-xmp</x>"}))
    with path.open("ab") as file:
        file.write(b"canary-tail")
    return path


def published(
    out: Path,
    characters: tuple[str, ...] = ("mira",),
    count: int = 3,
    drawn: bool = True,
    starter: bool = False,
    tags: tuple[str, ...] = ("1girl", "blue_hair", "^_^"),
    **more: Any,
) -> Path:
    """Write OUT. more: columns of every row."""
    rows, names = [], slugs(list(characters))
    for position, character in enumerate(sorted(characters)):
        slug = names[character]
        for number in range(count):
            suffix = (".jpg", ".png", ".webp")[number % 3]
            file = with_canaries(out / "kohya" / f"2_{slug}" / f"{slug}-{number:012x}{suffix}", 100 * position + number)
            caption = ", ".join((slug, *(tag.replace("_", " ") for tag in tags)))
            file.with_suffix(".txt").write_text(caption, "utf-8")
            rows.append(_row(out, file, character, caption, tags, starter))
        if drawn:
            for kind, status in (("augmentation", "kept"), ("consistency", "kept"), ("augmentation", "rejected")):
                folder = (
                    f"kohya/2_{slug}-drawn"
                    if (kind, status) == ("augmentation", "kept")
                    else f"generated/{slug}/{kind}"
                )
                file = with_canaries(
                    out / folder / f"{status}-{position:016x}.png", 1000 + 10 * position + len(kind + status)
                )
                row = _row(out, file, character, f"{slug}, smile", tags, starter)
                row |= {
                    "origin": kind,
                    "status": status,
                    "source": None,
                    "generator": "sd35-medium fp16/bf16",
                    "prompt": "a smile",
                }
                row |= {
                    "reason": None if status == "kept" else "off_character",
                    "seed": 7,
                    "steps": 28,
                    "check_score": 0.9,
                }
                row |= {"check_missing": ["hat"], "check_unwanted": [], "parent_id": rows[0]["image_id"]}
                rows.append(row)
    gone = _row(out, None, characters[0], None, (), starter)
    rows.append(gone | {"status": "rejected", "reason": "too_small", "source": "canary-folder/small.png"})
    rows = [row | more for row in rows]
    rows.sort(key=lambda row: (row["character"], row["origin"], row["image_id"]))
    _write(out, rows)
    return out


def rows_of(out: Path) -> list[dict]:
    return pq.read_table(out / "manifest.parquet").to_pylist()


def _row(
    out: Path, file: Path | None, character: str, caption: str | None, tags: tuple[str, ...], starter: bool
) -> dict:
    data = file.read_bytes() if file else b"small"
    return dict.fromkeys(COLUMNS.names) | {
        "image_id": hashlib.sha256(data).hexdigest(),
        "file": str(file.relative_to(out)) if file else None,
        "source": f"canary-folder/{file.name if file else 'small.png'}",
        "character": character, "origin": "source", "status": "kept", "width": 96, "height": 80, "bytes": len(data),
        "flags": ["starter"] if starter else [], "complexity": "simple", "threshold": 0.55, "rating": "safe",
        "tags": [{"name": tag, "score": 0.75, "category": "general"} for tag in tags],
        "removed": [{"name": "long_hair", "why": "trait"}], "caption": caption, "caption_source": "machine",
        "tagger": "starter-tagger" if starter else "deepdanbooru-v3", "recipe": "0" * 16, "edge_density": 0.05,
    }  # fmt: skip


def _write(out: Path, rows: list[dict]) -> None:
    settings = Settings().model_dump(mode="json", include={"thresholds", "profile", "captions"})
    metadata = {"prep.schema": "1", "prep.version": "0.1.0", "prep.settings": json.dumps(settings)}
    pq.write_table(pa.Table.from_pylist(rows, COLUMNS.with_metadata(metadata)), out / "manifest.parquet")
    (out / ".prep").mkdir(exist_ok=True)
    kept = {"src": "/home/canary-person/art", "settings": settings}
    (out / ".prep" / "config.json").write_text(json.dumps(kept))
