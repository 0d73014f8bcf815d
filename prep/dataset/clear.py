"""Remove from kohya/ what is no longer in the set, and report what is not prep's."""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from prep.edits.from_files import HandEdits
from prep.edits.take_out import take_out
from prep.errors import ImageError
from prep.files import PICTURE_BYTES, read_file
from prep.images import SUFFIXES, open_image, pixel_hash
from prep.index import Hashes
from prep.names import numbered_folder, printable
from prep.system import remove
from prep.types import Problem, Row

PICTURES = tuple(SUFFIXES)
OURS = re.compile(r".+-([0-9a-f]{12})\.(?:png|jpg|webp)")  # the name says what the file holds


def clear(edits: HandEdits, rows: Iterable[Row], stems: Mapping[str, Hashes]) -> int:
    """Take out what no group of stems contains. rows: all, to recognise a picture that is elsewhere as well.

    stems: group -> stems of what belongs there. -> pictures that were removed.
    """
    placement, removed = edits.placement, 0
    moved = placement.moved()
    gone = {
        picture: placed
        for picture, placed in placement.known.items()
        if picture not in moved and placed.stem not in stems.get(placed.group, ())
    }
    elsewhere = {row.ref.sha256 for row in rows if not row.made} if gone else ()
    placement.mark((picture for picture, placed in gone.items() if placed.state == "placed"), "unplaced")
    for picture, placed in gone.items():
        removed += take_out(picture, placed, edits.decisions, placement, edits.out, elsewhere)
    # Also when a command was killed before it removed them: putting such a picture back restores it.
    verdicts = {picture: edits.decisions.verdict(picture) for picture in gone}
    left = [picture for picture, placed in gone.items() if placed.state == "leaving"]
    placement.mark([*left, *(picture for picture, verdict in verdicts.items() if verdict == "excluded")], "excluded")
    for group in placement.listings:
        if group not in stems:
            with suppress(OSError):  # not empty: it contains the user's files
                placement.folder(group).rmdir()
    return removed


def strangers(edits: HandEdits, rows: Iterable[Row], dry: bool = False) -> dict[str, Problem]:
    """Pictures in kohya/ that prep did not put there: they train without a caption of prep's. -> path -> what to do.

    A leftover of a killed run with other settings is removed: its name is its own hash, and its pixels are in SRC.
    """
    placement = edits.placement
    known = Hashes((placed.group, placed.name) for _, placed in placement.placed())
    pixels = None
    found: dict[str, Problem] = {}
    for folder in sorted(placement.kohya.glob("*/")):
        named = numbered_folder(folder.name)
        if named is None:
            continue
        if folder != placement.folder(named[1]):
            found[printable(f"kohya/{folder.name}")] = Problem(
                "export",
                "not_in_set",
                "prep did not make this folder; it is not in dataset.toml",
                "put its pictures into SRC",
            )
            continue
        names = os.listdir(folder)  # noqa: PTH208 - listed again: files may have come during the run
        pictures = (name for name in names if name.lower().endswith(PICTURES))
        for name in sorted(name for name in pictures if (named[1], name) not in known):
            path = folder / name
            if path.suffix.lower() not in SUFFIXES or not path.is_file():
                continue
            if pixels is None:
                pixels = {row.ref.same for row in rows}
            if _left_behind(path, pixels):
                if not dry:
                    remove(path)
                continue
            found[printable(f"kohya/{folder.name}/{path.name}")] = Problem(
                "export",
                "not_in_set",
                "prep did not put it there; it is trained on as it is",
                "put it into SRC to have it captioned",
            )
    return found


def _left_behind(path: Path, pixels: set[str]) -> bool:
    found = OURS.fullmatch(path.name)
    if not found or path.is_symlink():
        return False
    with suppress(ImageError, OSError):
        data = read_file(path, PICTURE_BYTES)
        digest = hashlib.sha256(data).hexdigest()
        return digest[:12] == found[1] and (digest in pixels or pixel_hash(open_image(data).pixels) in pixels)
    return False
