"""The captions beside the images of SRC: a .txt, or a .caption. This module writes nothing."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prep.edits.sidecar import read_caption
from prep.errors import ImageError
from prep.run import image_key
from prep.scan.kinds import captions_first
from prep.types import Problem, Row


@dataclass(frozen=True)
class Beside:
    """The captions beside the images."""

    texts: dict[str, str]  # picture -> its caption
    problems: dict[str, Problem]  # path -> what is wrong with its caption
    unread: set[str]  # pictures whose caption cannot be read: they do not train


def read_sources(src: Path, rows: Sequence[Row]) -> Beside:
    """Read the captions beside the images of SRC. rows: of SRC.

    Of files with the same pixels, the first one's own caption counts; if it has none, another file's does.
    """
    names: dict[str, dict[str, str]] = {}
    sidecars: dict[str, Path] = {}
    groups: dict[tuple[str, str], list[Row]] = {}  # what is seen in pictures with a caption -> all pictures of it
    for row in _readable(rows):
        if sidecar := _sidecar(src, row.ref.path, names):
            sidecars[row.ref.path] = sidecar
            groups[row.ref.character, row.ref.same] = []
    for row in _readable(rows) if groups else ():
        if (row.ref.character, row.ref.same) in groups:
            groups[row.ref.character, row.ref.same].append(row)
    found: dict[str, str] = {}
    problems: dict[str, Problem] = {}
    unread: set[str] = set()
    for same in groups.values():
        same.sort(key=lambda row: row.reason == "copy")
        picture = image_key(same[0])
        for row in same:
            sidecar = sidecars.get(row.ref.path)
            if sidecar is None:
                continue
            try:
                text = _read(src, sidecar)
            except ImageError as error:
                hint = f"{error.hint}; until then the picture is left out" if row is same[0] else error.hint
                said = error.message.replace("its caption", f"its caption {sidecar.name}", 1)
                problems[row.ref.path] = Problem("caption", error.kind, said, hint)
                if row is same[0]:
                    unread.add(picture)
                continue
            if picture not in found:
                found[picture] = text
            elif text != found[picture]:
                why = f"is the same picture as {same[0].ref.path}, whose caption counts"
                problems[row.ref.path] = Problem("caption", "second_caption", why, "keep one of the two")
    return Beside(found, problems, unread)


def _readable(rows: Iterable[Row]) -> Iterator[Row]:
    return (row for row in rows if not (row.ref.problem or row.made))


def _sidecar(src: Path, path: str, names: dict[str, dict[str, str]]) -> Path | None:
    """names: the captions of the folders of SRC that were listed before, by stem."""
    folder, _, name = path.rpartition("/")
    if folder not in names:
        try:
            names[folder] = captions_first(os.listdir(src / folder))  # noqa: PTH208 - some names are not text
        except OSError:
            names[folder] = {}
    caption = names[folder].get(Path(name).stem) if names[folder] else None
    return src / folder / caption if caption else None


def _read(src: Path, path: Path) -> str:
    """Raises ImageError when it cannot be read, or is a link out of SRC."""
    if path.is_symlink() and not path.resolve().is_relative_to(src.resolve()):
        raise ImageError("caption", "its caption is a link out of SRC", "copy the file into SRC")
    return read_caption(path, follow=True) or ""
