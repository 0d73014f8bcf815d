"""The pictures of a set without their metadata: which have any, what remains, what must become PNG for a trainer.

Each picture is read once: the ledger remembers what was found until the file changes.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from prep.book import Book
from prep.dataset.finished import FinishedSet
from prep.dataset.strip import VERSION, stripped
from prep.errors import ImageError, StoppedError, UsageError
from prep.images import encode_png, open_image
from prep.ledger import Ledger, Shelf
from prep.names import printable

READERS = 4
Progress = Callable[[str, Iterable[Any], int], Iterator[Any]]  # (what, items, how many) -> the items

# subject: folder and name in kohya/; recipe: version of strip.py, size, time and inode of the file.
CLEAN = Shelf(
    "clean",
    (
        pa.field("suffix", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("same", pa.bool_()),
    ),
    made_again=True,
)


@dataclass(frozen=True, slots=True)
class Clean:
    """What is known of a picture without its metadata."""

    suffix: str  # with its dot; `.png` when it must be rewritten
    sha256: str  # of the bytes without metadata
    same: bool  # the file in kohya/ has none


class Cleaner:
    """ledger: keeps what was found; None: it is kept only as long as this object lives."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self._ledger = ledger
        self._book = ledger.book(CLEAN) if ledger else Book(CLEAN.schema.empty_table())
        self._seen: dict[tuple[str, str], Clean] = {}

    def usable(self, found: FinishedSet, progress: Progress) -> FinishedSet:
        """Read every picture not read before -> the set without those that cannot be read. Raises UsageError when none
        is left.
        """
        fresh = [picture.path for picture in found.pictures if self._known(picture.path) is None]
        broken: dict[Path, str] = {}
        pool = ThreadPoolExecutor(READERS)
        try:
            done = zip(fresh, pool.map(_attempt, fresh), strict=True)
            self._keep(progress("export", done, len(fresh)) if fresh else (), broken)
        finally:
            pool.shutdown(cancel_futures=True)
        if not broken:
            return found
        kept = [
            replace(group, pictures=tuple(picture for picture in group.pictures if picture.path not in broken))
            for group in found.groups
        ]
        if not any(group.pictures for group in kept):
            raise UsageError(f"{found.out} has no image that can be read", hint="run prep again")
        places = {path.relative_to(found.out).as_posix(): why for path, why in broken.items()}
        return replace(
            found, groups=tuple(group for group in kept if group.pictures), left_out={**found.left_out, **places}
        )

    def look(self, path: Path) -> Clean:
        """Raises StoppedError when it is not an image."""
        if (known := self._known(path)) is not None:
            return known
        _, _, clean = self._read(path)
        self._seen[_key(path)] = clean
        return clean

    def data(self, path: Path) -> bytes:
        """The bytes without metadata. Raises StoppedError when the file has changed since `look`."""
        wanted = self.look(path)
        if wanted.same:
            data = path.read_bytes()
            same = sha256(data).hexdigest() == wanted.sha256
        else:
            data, _, clean = self._read(path)
            same = clean == wanted
        if not same:
            raise StoppedError(f"{path.name} changed while prep was running", hint="run again")
        return data

    def _read(self, path: Path) -> tuple[bytes, str, Clean]:
        try:
            return _cleaned(path)
        except (ImageError, OSError) as error:
            raise StoppedError(f"{path.name} {_why(error)}", hint="run prep again") from None

    def _known(self, path: Path) -> Clean | None:
        subject, recipe = key = _key(path)
        if key not in self._seen and (row := self._book.get(subject)) and row["recipe"] == recipe:
            self._seen[key] = Clean(row["suffix"], row["sha256"], row["same"])
        return self._seen.get(key)

    def _keep(self, found: Iterable[tuple[Path, tuple[str, Clean] | str]], broken: dict[Path, str]) -> None:
        writer = self._ledger.writer(CLEAN) if self._ledger else None
        try:
            for path, answer in found:
                if isinstance(answer, str):
                    broken[path] = answer
                    continue
                recipe, clean = answer
                subject = _key(path)[0]
                self._seen[subject, recipe] = clean
                if writer:
                    row = {"suffix": clean.suffix, "sha256": clean.sha256, "same": clean.same}
                    writer.append({"subject": subject, "recipe": recipe, **row})
        finally:
            if writer:
                writer.flush()


def stamp(path: Path) -> str:
    """Identifies the file's present state without reading it. Raises StoppedError when it is gone."""
    try:
        found = path.stat()
    except OSError as error:
        raise StoppedError(f"{path.name} can no longer be read ({error.strerror})", hint="run again") from None
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"


def png_of(source: Path) -> bytes:
    """Only the pixels, as PNG. Raises StoppedError when it cannot be decoded."""
    try:
        return encode_png(open_image(source.read_bytes()).pixels)
    except ImageError as error:
        raise StoppedError(f"{source.name} {error.message}", hint="run prep again") from None


def _key(path: Path) -> tuple[str, str]:
    return printable("/".join(path.parts[-2:])), f"{VERSION} {stamp(path)}"


def _cleaned(path: Path) -> tuple[bytes, str, Clean]:
    """-> (the bytes without metadata, the recipe to keep the result under, what is known of them)."""
    _, recipe = _key(path)  # before reading: a change in between is noticed next time
    data = path.read_bytes()
    clean, suffix = stripped(data)
    return clean, recipe, Clean(f".{suffix}", sha256(clean).hexdigest(), clean == data)


def _attempt(path: Path) -> tuple[str, Clean] | str:
    """What to keep in the ledger about a picture, or why it cannot be used."""
    try:
        return _cleaned(path)[1:]
    except (ImageError, OSError) as error:
        return _why(error)


def _why(error: ImageError | OSError) -> str:
    return error.message if isinstance(error, ImageError) else f"cannot be read ({error.strerror})"
