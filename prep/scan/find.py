"""Find the images of SRC: which files, of which character and which variant of it, and what happens to all other files.

walk.py looks at each file; this module looks at all of them together: masks and captions belong to pictures, and loose
pictures may be beside folders of pictures.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from prep.blocks import Packed
from prep.errors import UsageError
from prep.names import numbered_folder, printable
from prep.scan.kinds import CAPTION, LOOSE, MASK, TEXT, Kind, captions_first, mask_of
from prep.scan.listing import Found, Left, Listing
from prep.scan.walk import STATE, Walk

READ = "png, jpg, webp, bmp, gif, tif and avif are read, at any depth"
SHOWN = 3


def find_images(src: Path, out: Path) -> Listing:
    """List the image files under src, except those under out, and say what every other file is.

    Raises UsageError when src is missing, is not a folder, cannot be listed, is out or another set that prep made, or
    when nothing in it can be an image.
    """
    if not os.path.exists(src):  # noqa: PTH110 - Path raises without permission
        raise UsageError(f"{src} does not exist", hint="name the folder that contains your images")
    if not src.is_dir():
        raise UsageError(f"{src} is a file", hint="name the folder that contains it")
    if src.resolve() == out.resolve():
        raise UsageError(
            f"{out} contains your images", hint="the set needs its own folder: name another one with --out"
        )
    walk = Walk(src.resolve(), out.resolve())
    try:
        if (src / STATE).is_dir():
            hint = "name the folder of the images that it was made from"
            raise UsageError(f"{src} is a set that prep made: it contains {STATE}/", hint=hint)
        walk.go()
    except OSError as error:
        raise UsageError(f"{src} cannot be read ({error.strerror})", hint="check its permissions") from None
    listing = _listing(src, walk)
    if not listing.files and not any(each.kind.art or each.kind.fails for each in (*listing.left, *listing.passed)):
        raise UsageError(f"{src} {_without_images(src, listing)}", hint=READ)
    return listing


def _without_images(src: Path, listing: Listing) -> str:
    if not any(src.iterdir()):
        return "is empty"
    reasons = ", ".join(f"{printable(each.path)} {each.kind.message}" for each in listing.passed[:SHOWN])
    return "contains no image" + (f": {reasons}" if reasons else "")


def _listing(src: Path, walk: Walk) -> Listing:
    """Everything that the walk found, seen together."""
    may_be_masks = [each.path for each in walk.pictures if "mask" in each.path.lower()]
    stems: set[str] = set()  # of most folders nobody asks for them
    if may_be_masks or any(kind is TEXT for _, kind in walk.others):
        stems = {_stem(found.path) for found in walk.pictures} | {_stem(path) for path, kind in walk.others if kind.art}
    masks = {path for path in may_be_masks if _is_mask(path, stems)}
    walk.pictures.sort(key=_path_bytes)
    pictures = [found for found in walk.pictures if found.path not in masks] if masks else walk.pictures
    art = (found.path for found in pictures) if pictures else (path for path, kind in walk.others if kind.art)
    in_folders = any("/" in _below(walk.base, path) for path in art)
    name = src.resolve().name

    @cache
    def folder(parent: str) -> str:
        """The character's folder, by its exact name; SRC itself only if no folder in it has pictures. parent: a file's
        folder, with a `/` at its end unless it is SRC.
        """
        return _below(walk.base, parent).partition("/")[0] if in_folders else name

    @cache
    def variant(parent: str) -> str:
        """The first folder below the character's; empty: the pictures are in the character's own."""
        below = _below(walk.base, parent).partition("/")[2].partition("/")[0]
        return below and character_of(below)

    def with_character(found: Found) -> Found:
        parent = _parent(found.path)
        return found._replace(character=character_of(folder(parent)), variant=variant(parent))

    files = Packed(with_character(found) for found in pictures if folder(_parent(found.path)))
    loose = [found.path for found in pictures if not folder(_parent(found.path))]
    others = [(path, MASK) for path in masks] + [(path, LOOSE) for path in loose]
    others += _with_captions(walk.others, stems)
    left = [
        Left(path, kind, character_of(folder(_parent(path))), variant(_parent(path)))
        for path, kind in others
        if kind.message
    ]
    folders = {folder(parent) for parent in {_parent(file.path) for file in files}}
    return Listing(
        files=files,
        left=tuple(sorted(left, key=_path_bytes)),
        source=character_of(name),
        counted=Counter(kind.name for _, kind in others if not kind.message),
        passed=tuple(sorted(walk.passed, key=_path_bytes)),
        numbered=tuple(sorted(each for each in folders if numbered_folder(each))),
        nested=_nested(files, walk.base),
    )


def _with_captions(others: Iterable[tuple[str, Kind]], stems: set[str]) -> Iterator[tuple[str, Kind]]:
    """The same, with texts that belong to a picture as captions."""
    others = list(others)
    first = captions_first(path for path, kind in others if kind is TEXT)
    for path, kind in others:
        if kind is TEXT and _stem(path) in stems and (counts := first.get(_stem(path))):
            name = printable(counts.rpartition("/")[2])
            kind = CAPTION if path == counts else replace(TEXT, message=f"is not read, since {name} beside it counts")
        yield path, kind


def _nested(files: Iterable[Found], base: str) -> dict[str, int]:
    """Character -> the number of folders with pictures in its folder, at any depth."""
    folders = {(found.character, _parent(found.path)) for found in files}
    many = Counter(character for character, folder in folders if _below(base, folder).count("/") > 1)
    return dict(sorted(many.items()))


def _is_mask(path: str, stems: set[str]) -> bool:
    return any(partner in stems and partner != _stem(path) for partner in mask_of(path))


def _stem(path: str) -> str:
    return os.path.splitext(path)[0]  # noqa: PTH122 - Path refuses some of these names


def _parent(path: str) -> str:
    """The folder that it is in, with the `/` at its end; empty: SRC itself."""
    return path[: path.rfind("/") + 1]


def _below(base: str, path: str) -> str:
    return path.removeprefix(base)


def _path_bytes(each: Found | Left) -> bytes:
    return os.fsencode(each.path)


@cache
def character_of(folder: str) -> str:
    """The character that a folder of this name is: without kohya's repeats."""
    kohya = numbered_folder(folder)
    # From here on a character is text: bytes of its name that are not UTF-8 are escaped.
    return sys.intern(os.fsencode(kohya[1] if kohya else folder).decode("utf-8", "backslashreplace"))
