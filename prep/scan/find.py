"""Finding the images of SRC: which files, whose character. Reads names, stats and first bytes; decodes nothing."""

import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prep.errors import UsageError
from prep.images import SUFFIXES
from prep.names import numbered_folder
from prep.scan.unread import unread_line
from prep.types import Problem

NEVER = {"__MACOSX", "Thumbs.db", "desktop.ini", ".git", ".cache", ".thumbnails", ".prep"}
MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*")


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is to be read. path: relative to SRC, `/` between, undecodable bytes as surrogates."""

    path: str
    character: str
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True)
class Listing:
    files: tuple[Found, ...]  # in byte order of their paths
    problems: tuple[tuple[str, Problem], ...]  # (path, why it is no image file)
    hidden: tuple[str, ...]  # folders directly in SRC that were skipped, since their names begin with a dot
    unread: str = ""  # a sentence on what lies beside images and is not read

    @property
    def characters(self) -> list[str]:
        return sorted({found.character for found in self.files})


def find_images(src: Path, out: Path) -> Listing:
    """List the image files under src, but none under out.

    Raises UsageError when src is missing, not a folder, empty, or without a single image.
    """
    if not src.exists():
        raise UsageError(f"{src} does not exist", hint="name the folder that holds your images")
    if not src.is_dir():
        raise UsageError(f"{src} is a file", hint="name the folder that holds it")
    files: list[Found] = []
    problems: list[tuple[str, Problem]] = []
    hidden: list[str] = []
    others: list[str] = []
    try:
        for path, entry in _entries(src.resolve(), out.resolve(), problems, hidden):
            found = _found(src, path, entry, problems)
            if found:
                files.append(found)
            elif not entry.name.endswith(".txt") and not _looks_like_image(entry.name):
                others.append(path)
    except PermissionError as error:
        raise UsageError(f"{error.filename} cannot be read", hint="check its permissions") from None
    if not files and not problems:
        what = "is empty" if not any(src.iterdir()) else "holds no image"
        raise UsageError(f"{src} {what}", hint="png, jpg, webp, bmp, gif, tif and avif are read, at any depth")
    in_order = sorted(files, key=lambda found: os.fsencode(found.path))
    unread = unread_line((found.path for found in files), others)
    return Listing(tuple(in_order), tuple(sorted(problems)), tuple(hidden), unread)


def _entries(src: Path, out: Path, problems: list, hidden: list) -> Iterator[tuple[str, os.DirEntry]]:
    """Yield (relative path, entry) of everything under src that is no folder."""
    seen: set[tuple[int, int]] = set()
    waiting = [(src, "")]
    linked: list[tuple[Path, str]] = []  # last: a folder has its own name, not that of a link to it
    while waiting or linked:
        folder, prefix = waiting.pop() if waiting else linked.pop(0)
        try:
            status = folder.stat()
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: os.fsencode(entry.name), reverse=True)
        except FileNotFoundError:  # removed since its parent was read
            continue
        if (status.st_dev, status.st_ino) in seen or folder.resolve() == out:
            continue
        seen.add((status.st_dev, status.st_ino))
        while entries:
            entry = entries.pop()  # in order, and dropped at once: its stat takes memory
            if entry.name.startswith(".") or entry.name in NEVER:
                if not prefix and entry.name not in NEVER and entry.is_dir():
                    hidden.append(entry.name)
                continue
            path = prefix + entry.name
            if entry.is_symlink() and (why := _bad_link(src, entry)):
                if _looks_like_image(entry.name):
                    problems.append((path, Problem("scan", "link", why, "copy the file into SRC")))
            elif entry.is_dir():
                (linked if entry.is_symlink() else waiting).append((Path(entry.path), path + "/"))
            else:
                yield path, entry


def _bad_link(src: Path, entry: os.DirEntry) -> str | None:
    try:
        target = Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError):
        return "is a link that leads nowhere"
    return None if target.is_relative_to(src) else "is a link out of SRC"


def _found(src: Path, path: str, entry: os.DirEntry, problems: list) -> Found | None:
    try:
        status = entry.stat()
    except FileNotFoundError:  # removed since its folder was read
        return None
    named = _looks_like_image(entry.name)
    if not stat.S_ISREG(status.st_mode):
        if named:
            problems.append((path, Problem("scan", "not_a_file", "is not a regular file", "remove it")))
        return None
    if not named and (entry.name.endswith(".txt") or not _starts_like_image(entry.path)):
        return None
    return Found(path, _character(src, path), status.st_size, status.st_mtime_ns, status.st_ino)


def _looks_like_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - Path refuses some of these names


def _starts_like_image(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            start = file.read(16)
    except FileNotFoundError:
        return False
    return start.startswith(MAGIC) or start[:4] == b"RIFF" and start[8:12] == b"WEBP" or start[4:12] == b"ftypavif"


def _character(src: Path, path: str) -> str:
    """The first sub-folder, without kohya's repeats; the name of SRC for what lies directly in it."""
    first = path.split("/")[0] if "/" in path else src.resolve().name
    kohya = numbered_folder(first)
    # From here on a character is text: bytes of its name that are not UTF-8 are escaped.
    return sys.intern(os.fsencode(kohya[1] if kohya else first).decode("utf-8", "backslashreplace"))
