"""One picture's road: a set with a single image, which is drawn again. For `prep redraw`."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from prep.config import Settings
from prep.errors import UsageError
from prep.files import write_whole
from prep.names import printable
from prep.pipeline import road
from prep.run import Options
from prep.runners import load_runner


@dataclass(frozen=True)
class Redrawn:
    lines: list[str]
    exit_code: int


def redraw(image: Path, out: Path, count: int, settings: Settings) -> Redrawn:
    """Draws `count` variations of the image and one reconstruction, into a folder of its own under out.

    Raises UsageError when there is no such file or nothing draws, and what a run raises.
    """
    try:
        data = image.read_bytes()
    except OSError as error:
        raise UsageError(f"{image} cannot be read ({error.strerror})", hint="name an image file") from None
    if settings.generator.model == "none":
        raise UsageError("generator.model is `none`, so nothing can be drawn", hint="leave it at `auto`, or name one")
    home = out / f"{hashlib.sha256(data).hexdigest()[:12]}"
    src = home / "source" / image.absolute().parent.name
    src.mkdir(parents=True, exist_ok=True)
    write_whole(src / image.name, data)
    alone = settings.model_copy(
        update={
            # Its own tags are all that is known of the character: that they are core needs no second picture.
            "characters": {name: own for name, own in settings.characters.items() if name == src.name},
            "reconstruct": settings.reconstruct.model_copy(update={"per_character": 1}),
            "consistency": settings.consistency.model_copy(update={"per_character": 0}),
            "augmentation": settings.augmentation.model_copy(update={"share": 0.0, "least": count, "tries": 1}),
            "captions": settings.captions.model_copy(update={"sidecars": "kohya"}),
        }
    )
    result = road.run(home / "source", home / "set", alone, Options(), load_runner("local"))
    return Redrawn(list(_told(home / "set")), result.exit_code)


def _told(folder: Path):
    rows = pq.ParquetFile(folder / "manifest.parquet").read().to_pylist()
    for row in rows:
        if row["origin"] == "source":
            yield f"{printable(row['source'])}: {row['caption'] or row['reason']}"
    drawn = [row for row in rows if row["origin"] != "source"]
    for row in sorted(drawn, key=lambda row: (row["origin"], -row["check_score"])):
        yield f"{folder / row['file']}"
        yield f"  {row['origin']}: {row['check_score']:.2f} {row['reason'] or 'accepted'}"
        yield f"  prompt:   {row['prompt']}"
        for name in ("missing", "unwanted"):
            if row[f"check_{name}"]:
                yield f"  {name}: {', '.join(row[f'check_{name}']).replace('_', ' ')}"
    if drawn:
        yield f"look: {folder / 'generated'}/*/sheet.png"
    else:
        yield "nothing was drawn: see the lines above"
