"""What lies in generated/ now, against what was drawn there: it may be a person's version by now, or no picture."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from prep.errors import ImageError
from prep.files import PICTURE_BYTES, is_regular, read_file
from prep.images import SUFFIXES, open_image
from prep.jobs.draw import DRAW, draw_recipe, measured, places
from prep.ledger import Ledger
from prep.run import Places
from prep.types import GenerationRequest


@dataclass(frozen=True)
class Measured:
    """What lies in generated/ and is not what was drawn."""

    damaged: dict[str, Path]  # key -> a file that is no picture
    retouched: dict[str, str]  # image key -> that of the version that a person made of it


def place(request: GenerationRequest, where: Places) -> Path | None:
    """Where the picture lies now, or what a person converted it to, under its stem with another ending; None: nowhere.

    A link is no picture: it is drawn anew in its place.
    """
    drawn = [where.out / place for place in places(request, where.slugs[request.character])]
    converted = (path.with_suffix(ending) for path in drawn for ending in sorted(SUFFIXES))
    return next(filter(is_regular, (*drawn, *converted)), None)


def measure(there: Iterable[tuple[GenerationRequest, Path]], ledger: Ledger, measure_px: int) -> Measured:
    """Keep the measures of each picture as it is now. One whose size, time and inode are as they were is not read."""
    book = ledger.book(DRAW, draw_recipe(measure_px))
    damaged: dict[str, Path] = {}
    retouched: dict[str, str] = {}
    with ledger.writer(DRAW) as writer:
        for request, path in there:
            row = book.get(request.key)
            if row and _unchanged(path, row):
                continue
            data = read_file(path, PICTURE_BYTES)
            try:
                picture = open_image(data)
            except ImageError:
                damaged[request.key] = path
                continue
            now = measured(request.key, picture.pixels, data, path, measure_px)
            changed = bool(row) and row["sha256"] != now["sha256"]
            hand = changed or bool(row and row["hand"])
            writer.append(now | {"format": picture.format, "flags": picture.flags, "hand": hand})
            if changed:
                character = request.character
                retouched[f"{character}/{row['sha256']}"] = f"{character}/{now['sha256']}"
    return Measured(damaged, retouched)


def _unchanged(path: Path, row: dict) -> bool:
    status = path.stat()
    return (row["bytes"], row["mtime_ns"], row["inode"]) == (status.st_size, status.st_mtime_ns, status.st_ino)
