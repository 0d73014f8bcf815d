"""A folder for another trainer, made from a set: hard links to its images, small files, and converted images.

Every file appears whole, and only what differs is written. What is no longer in the set is removed; what prep did not
put there (a trainer's caches, your notes) stays, and so does a configuration that you edited. A file of prep's that was
changed, or a file that is in the way, is set aside. No picture has metadata, and no link is followed.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path, PurePosixPath
from threading import Lock

from prep.aside import CHANGED, UNKNOWN, fingerprint, set_aside
from prep.dataset.finished import FinishedSet, Picture
from prep.dataset.strip import VERSION
from prep.dataset.toml import write_unless_edited
from prep.errors import UsageError
from prep.files import cannot_write, read_file, real_folder, sweep, write_whole
from prep.formats._clean import Cleaner, Progress, png_of, stamp
from prep.formats._state import Record, State, inside, stamp_of
from prep.ledger import Ledger
from prep.system import link_text, remove
from prep.types import Summary

WRITERS = 4


@dataclass(frozen=True, slots=True)
class _File:
    made_of: str  # the file is rewritten when this changes; empty: compare `data`
    write: Callable[[Path], object]
    print: str = ""  # sha256 of its future content, when that is known before it is made
    data: bytes | None = None
    source: Path | None = None  # the picture in kohya/ that it links to, or copies without metadata
    linked: bool = False


class View:
    """OUT/export/FORMAT: describe its content, then write. Names are relative to it, with `/` as separator."""

    def __init__(self, found: FinishedSet, name: str, cleaner: Cleaner | None = None) -> None:
        self.out, self.name = found.out, name
        self.folder = found.out / "export" / name
        self.files: dict[str, _File] = {}
        self.indexes: set[str] = set()  # files that name other files
        self.configs: dict[str, str] = {}
        self.cleaner = cleaner or Cleaner()
        self._records: dict[str, Record] = {}
        self._lock = Lock()

    def link(self, name: str, source: Path) -> str:
        """The image under another name: a hard link, else a relative symlink, else a copy. One with metadata is written
        without it. -> its name there, with another ending if it had to become PNG.
        """
        clean = self.cleaner.look(source)
        suffix = PurePosixPath(name).suffix
        if clean.suffix != {".jpeg": ".jpg"}.get(suffix.lower(), suffix.lower()):
            name = f"{name.removesuffix(suffix)}{clean.suffix}"
        if clean.same:
            self.files[name] = _File(stamp(source), partial(_link, source), clean.sha256, None, source, True)
        else:
            made_of = f"stripped {VERSION} {stamp(source)}"
            self.files[name] = _File(made_of, partial(self._write_clean, source), clean.sha256, None, source)
        return name

    def png(self, name: str, source: Path) -> None:
        """The image as PNG, for a trainer that does not read its format."""
        self.made(name, f"png {stamp(source)}", lambda path: path.write_bytes(png_of(source)))

    def picture(self, picture: Picture, folder: str, readable: tuple[str, ...]) -> str:
        """Link an image into a folder, converted to PNG unless the trainer reads its format. -> its name there."""
        path = picture.path
        if path.suffix in readable:
            return PurePosixPath(self.link(f"{folder}/{path.name}", path)).name
        self.png(f"{folder}/{path.stem}.png", path)
        return f"{path.stem}.png"

    def caption(self, name: str, text: str) -> None:
        """A .txt; an empty caption is a lone newline, as in kohya/."""
        self.data(name, (text or "\n").encode())

    def data(self, name: str, data: bytes) -> None:
        """A small file, compared byte by byte."""
        self.files[name] = _File("", lambda path: path.write_bytes(data), sha256(data).hexdigest(), data)

    def index(self, name: str, data: bytes) -> None:
        """A file that names other files: it is written after all of them."""
        self.data(name, data)
        self.indexes.add(name)

    def made(self, name: str, made_of: str, write: Callable[[Path], object]) -> None:
        """A file that is costly to make: written only when what it is made of has changed."""
        self.files[name] = _File(made_of, write)

    def config(self, name: str, text: str) -> None:
        """A file that the user may edit: an edited one stays, and prep's is written beside it as NAME.new.ENDING."""
        self.configs[name] = text

    def place(self, name: str = "") -> str:
        """The absolute path of something in the view, as text. Raises UsageError when it is not valid text."""
        path = str(self.folder.resolve() / name) if name else str(self.folder.resolve())
        try:
            path.encode()
        except UnicodeEncodeError:
            raise UsageError(
                "the folder's path is not UTF-8, and the trainer's configuration must name it",
                hint="move OUT to a path in UTF-8",
            ) from None
        return path

    def write(self, ledger: Ledger, progress: Progress) -> Summary:
        """Write the folder: the files, then the files that name them; last, remove what is no longer named.

        Raises StoppedError when a folder is a link or not a folder.
        """
        pool = ThreadPoolExecutor(WRITERS)
        try:
            state = self._prepared()
            # A file is announced before it is placed, so that it is known as ours after a kill.
            state.announce(
                {name: file.print for name, file in self.files.items() if _news(file, state.files.get(name))}
            )
            first = [name for name in self.files if name not in self.indexes]
            done = pool.map(lambda name: self._put(name, state, ledger), first)
            written = sum(progress("export", done, len(first)))
            written += sum(self._put(name, state, ledger) for name in sorted(self.indexes))
            for name, text in self.configs.items():
                write_unless_edited(self.out, f"export/{self.name}/{name}", text, ledger)
            removed = self._clear(state.names - set(self.files), state, ledger)
            state.finish({name: self._records[name] for name in self.files})
        except OSError as error:  # from the few calls outside write_whole
            raise cannot_write(Path(os.fsdecode(error.filename or self.folder)), error) from error
        finally:
            pool.shutdown(cancel_futures=True)
        return Summary(len(self.files), written, len(self.files) - written, removed)

    def _prepared(self) -> State:
        """Make the folders, none a link, and remove what a killed run left half written. -> what is known of them."""
        if wrong := [name for name in (*self.files, *self.configs) if not inside(name)]:
            raise UsageError(f"the format {self.name} wants to write {wrong[0]!r}, outside its folder")
        real_folder(self.out, "export", self.name)
        folder = real_folder(self.out / ".prep", "export")
        sweep(folder)
        state = State(folder / f"{self.name}.json")
        parents = {PurePosixPath(name).parent for name in (*self.files, *self.configs)}
        for parent in parents:
            real_folder(self.out, "export", self.name, *parent.parts)
        for parent in parents | {PurePosixPath(name).parent for name in state.names}:
            if self._real(parent):
                sweep(self.folder / parent)
        return state

    def _write_clean(self, source: Path, path: Path) -> None:
        path.write_bytes(self.cleaner.data(source))

    def _put(self, name: str, state: State, ledger: Ledger) -> bool:
        """-> whether it was written now."""
        file, path, known = self.files[name], self.folder / name, state.files.get(name)
        print_ = file.print

        def make(temporary: Path) -> None:
            nonlocal print_
            file.write(temporary)
            if temporary.is_symlink() or not print_:
                print_ = fingerprint(temporary)
            # Checked right before it is renamed over the existing file.
            if not (file.source and _same(path, file.source) or state.owns(name, path, [print_])):
                self._set_aside(name, state, ledger)

        stood = self._stands(name, state)
        if not stood:
            write_whole(path, make)
        elif path.is_symlink() or not print_:
            print_ = known.print if known and known.print and not path.is_symlink() else fingerprint(path)
        self._records[name] = Record(file.made_of, stamp_of(path) if file.made_of else "", print_)
        return not stood

    def _stands(self, name: str, state: State) -> bool:
        """Whether the right file is there already."""
        file, path, known = self.files[name], self.folder / name, state.files.get(name)
        with contextlib.suppress(OSError):
            if file.data is not None:
                return read_file(path, len(file.data)) == file.data
            if file.linked and path.samefile(file.source):
                return True
            if known and known.made_of == file.made_of:
                return known.untouched(path)
            return bool(file.print) and not file.linked and fingerprint(path) == file.print
        return False

    def _set_aside(self, name: str, state: State, ledger: Ledger) -> None:
        path = self.folder / name
        with self._lock:  # the ledger has one writer at a time
            if os.path.lexists(path):
                set_aside(self.out, path, CHANGED if name in state.files else UNKNOWN, ledger)

    def _clear(self, names: Iterable[str], state: State, ledger: Ledger) -> int:
        removed = 0
        for name in sorted(names):
            path = self.folder / name
            if not self._real(PurePosixPath(name).parent):
                continue
            if os.path.lexists(path):
                if state.owns(name, path):
                    remove(path)
                else:
                    self._set_aside(name, state, ledger)
                removed += 1
            for parent in PurePosixPath(name).parents:
                with contextlib.suppress(OSError):  # not empty, or missing
                    (self.folder / parent).rmdir()
        return removed

    def _real(self, parent: PurePosixPath) -> bool:
        """Whether no folder on the path is a link: behind a link, nothing is prep's."""
        return not any((self.folder / each).is_symlink() for each in (parent, *parent.parents))


def yaml_text(text: str) -> str:
    """A YAML scalar in double quotes that every reader reads as the same text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in escaped) + '"'


def _news(file: _File, known: Record | None) -> bool:
    """Whether the file to write differs from the one written last."""
    return known is None or file.made_of != known.made_of or file.print not in ("", known.print)


def _same(path: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.samefile(other)
    return False


def _link(source: Path, target: Path) -> None:
    origin = source.resolve(strict=True)  # a hard link to a relative symlink would lead nowhere
    with contextlib.suppress(OSError):
        os.link(origin, target)
        return
    with contextlib.suppress(OSError):
        target.symlink_to(link_text(origin, target.parent))
        return
    shutil.copyfile(origin, target)
