"""The safe fixes: each writes a new file and renames it, keeps the original, and never overwrites another file. None
writes through a link.

A picture whose pixels change gets a new stem, since a latent cache is keyed on size and not on content; the original
stays beside it as NAME.orig, which no trainer reads.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import tomlkit

from prep.errors import StoppedError
from prep.files import LONGEST_BYTES, PICTURE_BYTES, NotAFileError, read_file, write_whole
from prep.images import SUFFIXES, encode_png, open_image

CAPTIONS = (".txt", ".caption")
OLD_DIGEST = re.compile(r"-[0-9a-f]{12}$")
BOM = b"\xef\xbb\xbf"


def without_bom(path: Path) -> None:
    """A caption that was only a BOM becomes a lone newline, since 0 bytes would stop sd-scripts."""
    write_whole(path, _own(path).removeprefix(BOM) or b"\n")


def not_empty(path: Path) -> None:
    """A caption of 0 bytes becomes a lone newline."""
    write_whole(path, _own(path) or b"\n")


def rename(path: Path, target: Path) -> None:
    """Raises StoppedError when the target exists."""
    _refuse_to_replace(target)
    path.rename(target)


def bake(path: Path) -> None:
    """Write the picture upright, in RGB, on white, as PNG under a new stem, its caption under that stem too.

    Raises ImageError when it cannot be decoded, StoppedError when something is in the way.
    """
    names = os.listdir(path.parent)  # noqa: PTH208 - of a large folder, a path each would take longer than the picture
    twins = [name for name in names if name.startswith(path.stem) and _is_twin(Path(name), path)]
    if twins:
        raise StoppedError(f"{path.name} shares its caption with {twins[0]}", hint="rename one, then run --fix again")
    data = encode_png(open_image(_own(path, PICTURE_BYTES)).pixels)
    stem = f"{OLD_DIGEST.sub('', path.stem)}-{hashlib.sha256(data).hexdigest()[:12]}"
    moves = {
        path.with_suffix(suffix): path.with_name(stem + suffix)
        for suffix in CAPTIONS
        if os.path.lexists(path.with_suffix(suffix))
    }
    original = path.with_name(path.name + ".orig")
    _refuse_to_replace(original)
    # Captions are copied first and removed last: a kill in between leaves an extra pair, never an image without one,
    # and the next run writes the same bytes again.
    texts = {target: _own(caption) for caption, target in moves.items()}
    written = {**texts, path.with_name(stem + ".png"): data}
    for target, content in written.items():
        _refuse_to_replace(target, content)
    for target, content in written.items():
        write_whole(target, content)
    path.rename(original)
    for caption in moves:
        caption.unlink()


def set_key(path: Path, place: tuple[str | int, ...], value: Any) -> None:
    """Set one value in a TOML file; comments and order stay. place: keys and list positions from the top.

    Raises StoppedError when something on the way is not a table.
    """
    document = tomlkit.parse(_own(path).decode("utf-8"))
    table: Any = document
    for part in place[:-1]:
        table = table.setdefault(part, tomlkit.table()) if isinstance(part, str) else table[part]
        if not isinstance(table, (dict, list)):
            raise StoppedError(f"{part} in {path.name} is not a table", hint="correct that first")
    table[place[-1]] = value
    write_whole(path, tomlkit.dumps(document).encode("utf-8"))


def _own(path: Path, most_bytes: int = LONGEST_BYTES) -> bytes:
    """The content of a file to be replaced. Raises StoppedError when it is a link, whose target may be anywhere."""
    try:
        return read_file(path, most_bytes)
    except NotAFileError as error:
        raise StoppedError(f"{path.name} {error.strerror}", hint="put a file in its place") from None


def _is_twin(entry: Path, image: Path) -> bool:
    """Whether it is another image with the same stem."""
    return entry.stem == image.stem and entry.name != image.name and entry.suffix.lower() in SUFFIXES


def _refuse_to_replace(target: Path, same: bytes | None = None) -> None:
    """same: bytes that may stand there."""
    if os.path.lexists(target) and (same is None or _own(target, PICTURE_BYTES) != same):
        raise StoppedError(f"{target.name} is in the way", hint="move it, then run --fix again")
