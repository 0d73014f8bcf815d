"""A folder for another trainer, made out of a set: hard links to its images, small files, and what must be made anew.

Every file appears whole, and only what differs is written. What is no longer in the set goes; what prep did not put
there (a trainer's caches, a person's notes) stays, and so does a configuration that a person has edited.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from prep.dataset.finished import FinishedSet, Picture
from prep.dataset.toml import write_unless_edited
from prep.errors import ImageError, StoppedError, UsageError
from prep.files import cannot_write, sweep, write_whole
from prep.images import encode_png, open_image
from prep.ledger import Ledger
from prep.types import Summary

WRITERS = 4
Progress = Callable[[str, Iterable[Any], int], Iterator[Any]]  # (what, items, how many) -> the items


@dataclass(frozen=True, slots=True)
class _File:
    made_of: str  # as long as this stays the same, so does the file
    write: Callable[[Path], None]
    right: Callable[[Path], bool]  # whether the right file stands there, whatever it was made of


class View:
    """OUT/export/FORMAT: say what lies in it, then write. Names are relative to it, with `/` between."""

    def __init__(self, found: FinishedSet, name: str) -> None:
        self.out, self.name = found.out, name
        self.folder = found.out / "export" / name
        self.files: dict[str, _File] = {}
        self.indexes: set[str] = set()  # of the files, those that name others
        self.configs: dict[str, str] = {}
        self._state = found.out / ".prep" / "export" / f"{name}.json"

    def link(self, name: str, source: Path) -> None:
        """The image itself under another name: a hard link, else a relative symlink, else a copy."""
        self.files[name] = _File(stamp(source), lambda path: _link(source, path), lambda path: path.samefile(source))

    def png(self, name: str, source: Path) -> None:
        """The image as PNG, for a trainer that does not read its format."""
        self.made(name, f"png {stamp(source)}", lambda path: path.write_bytes(png_of(source)))

    def picture(self, picture: Picture, folder: str, readable: tuple[str, ...]) -> str:
        """Link an image into a folder, as PNG unless its format is readable. -> its name there."""
        path = picture.path
        if path.suffix in readable:
            name = path.name
            self.link(f"{folder}/{name}", path)
        else:
            name = f"{path.stem}.png"
            self.png(f"{folder}/{name}", path)
        return name

    def caption(self, name: str, text: str) -> None:
        """A .txt; an empty caption is a lone newline, as in kohya/."""
        self.data(name, (text or "\n").encode())

    def data(self, name: str, data: bytes) -> None:
        """A small file, compared byte by byte."""
        self.files[name] = _File("", lambda path: path.write_bytes(data), lambda path: path.read_bytes() == data)

    def index(self, name: str, data: bytes) -> None:
        """A file that names others: it comes when they are all there."""
        self.data(name, data)
        self.indexes.add(name)

    def made(self, name: str, made_of: str, write: Callable[[Path], None]) -> None:
        """A file that costs something: written only when what it is made of has changed."""
        self.files[name] = _File(made_of, write, lambda path: False)

    def config(self, name: str, text: str) -> None:
        """A file that a person may edit: then theirs stays, and ours comes beside it as NAME.new.ENDING."""
        self.configs[name] = text

    def place(self, name: str = "") -> str:
        """The absolute path of something in the view, as text. Raises UsageError where it is no text."""
        path = str(self.folder.resolve() / name) if name else str(self.folder.resolve())
        try:
            path.encode()
        except UnicodeEncodeError:
            raise UsageError(
                "the folder's path is no UTF-8, and a trainer's configuration must name it", hint="move it elsewhere"
            ) from None
        return path

    def write(self, ledger: Ledger, progress: Progress) -> Summary:
        """Bring the folder to what was said: the files, what names them, then away with what is no longer named."""
        known = self._known()
        pool = ThreadPoolExecutor(WRITERS)
        try:
            # Before a file is placed, its name is kept: after a kill, it is known as one of ours.
            self._keep(known | {name: known.get(name, "") for name in self.files}, known)
            first = [name for name in self.files if name not in self.indexes]
            done = pool.map(lambda name: self._put(name, known.get(name)), first)
            written = sum(progress("export", done, len(first)))
            written += sum(self._put(name, known.get(name)) for name in sorted(self.indexes))
            for name, text in self.configs.items():
                write_unless_edited(self.out, f"export/{self.name}/{name}", text, ledger)
            removed = self._clear(set(known) - set(self.files))
            self._keep({name: _sealed(self.folder / name, file.made_of) for name, file in self.files.items()})
        except OSError as error:  # of the few calls that are not write_whole's
            raise cannot_write(Path(os.fsdecode(error.filename or self.folder)), error) from error
        finally:
            pool.shutdown(cancel_futures=True)
        return Summary(len(self.files), written, len(self.files) - written, removed)

    def _put(self, name: str, known: str | None) -> bool:
        file, path = self.files[name], self.folder / name
        with contextlib.suppress(OSError):
            if file.right(path) or file.made_of and known == _sealed(path, file.made_of):
                return False
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, file.write)
        return True

    def _clear(self, names: Iterable[str]) -> int:
        removed = 0
        for name in sorted(names):
            path = self.folder / name
            if path.is_symlink() or path.is_file():
                path.unlink()
                removed += 1
            for parent in PurePosixPath(name).parents:
                with contextlib.suppress(OSError):  # not empty, or not there
                    (self.folder / parent).rmdir()
        return removed

    def _known(self) -> dict[str, str]:
        """Name -> what it was made of, of all that we put there."""
        for folder in (self._state.parent, self.folder, *self.folder.glob("**/")):
            sweep(folder)
        try:
            known = json.loads(self._state.read_text("utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return {name: made for name, made in known.items() if _inside(name)}

    def _keep(self, files: dict[str, str], known: dict[str, str] | None = None) -> None:
        data = json.dumps({"files": files}, indent=0, sort_keys=True).encode()
        if files != known and not (self._state.is_file() and self._state.read_bytes() == data):
            self._state.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._state, data)
        self.folder.mkdir(parents=True, exist_ok=True)


def stamp(path: Path) -> str:
    """Changes with the file, without reading it. Raises StoppedError when it is gone."""
    try:
        found = path.stat()
    except OSError as error:
        raise StoppedError(f"{path.name} can no longer be read ({error.strerror})", hint="run again") from None
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"


def png_of(source: Path) -> bytes:
    """Raises StoppedError when it cannot be decoded."""
    try:
        return encode_png(open_image(source.read_bytes()).pixels)
    except ImageError as error:
        raise StoppedError(f"{source.name} {error.message}", hint="run prep again") from None


def yaml_text(text: str) -> str:
    """A YAML scalar in double quotes that every reader takes for the same text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in escaped) + '"'


def _sealed(path: Path, made_of: str) -> str:
    """What a file was made of and how large it became: a damaged one is written again."""
    return f"{made_of}; {path.stat().st_size}"


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _link(source: Path, target: Path) -> None:
    origin = source.resolve(strict=True)  # a hard link to a relative symlink would lead nowhere
    with contextlib.suppress(OSError):
        os.link(origin, target)
        return
    with contextlib.suppress(OSError):
        target.symlink_to(os.path.relpath(origin, target.parent.resolve()))
        return
    shutil.copyfile(origin, target)
