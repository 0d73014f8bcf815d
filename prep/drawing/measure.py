"""What is in generated/ now, compared with what was drawn: a file may have been edited by hand, or damaged."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prep.errors import ImageError
from prep.files import PICTURE_BYTES, is_regular, read_file
from prep.images import SUFFIXES, open_image
from prep.jobs.crop import Cutting
from prep.jobs.draw import DRAW, draw_recipe, measured, places
from prep.ledger import Ledger
from prep.run import Places
from prep.system import numbers_of
from prep.types import GenerationRequest


@dataclass(frozen=True)
class Measured:
    """Files in generated/ that differ from what was drawn."""

    damaged: dict[str, Path]  # key -> a file that is not a picture
    retouched: dict[str, str]  # image key -> the image key of the user's version of it


def place(request: GenerationRequest, where: Places) -> Path | None:
    """Where the picture is now, also if the user converted it to another format (same stem); None: nowhere. If its
    character was renamed since the last run, that may be the folder of the old name.

    A link does not count: the picture is drawn again in its place.
    """
    found = stands_at([where.out / place for place in places(request, where.slugs[request.character])])
    if found or request.formerly == request.character:
        return found
    others = sorted(folder.name for folder in (where.out / "generated").glob("*/") if not folder.is_symlink())
    return stands_at([where.out / place for slug in others for place in places(request, slug)])


def stands_at(paths: Sequence[Path]) -> Path | None:
    """The first of these files that is there, perhaps converted; None: none is."""
    converted = (path.with_suffix(ending) for path in paths for ending in sorted(SUFFIXES))
    return next(filter(is_regular, (*paths, *converted)), None)


def measure(there: Iterable[tuple[GenerationRequest | Cutting, Path]], ledger: Ledger, measure_px: int) -> Measured:
    """Keep the measures of each picture as it is now. A file with unchanged size, time and inode is not read."""
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
    return (row["bytes"], row["mtime_ns"], row["inode"]) == numbers_of(path.stat())
