"""Walk through the folders of SRC: which files there are and what kind each one is, one by one.

Reads names, stats and first bytes. kinds.py has the rule; find.py looks at everything together.
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from prep.names import numbered_folder
from prep.scan.kinds import (
    AGAIN,
    KOHYA,
    LINK,
    MADE,
    NOT_A_FILE,
    OTHER,
    PICTURE,
    RAW,
    START_BYTES,
    TRAINING,
    UNREADABLE,
    Kind,
    kind_of_folder,
    kind_of_name,
    kind_of_start,
)
from prep.scan.listing import Found, Left
from prep.system import numbers_of, stat_of

STATE = ".prep"  # a folder that contains it was made by prep
DATASET = "dataset.toml"  # and a folder that contains it beside kohya's numbered folders is what a trainer reads
IMAGE_FOLDERS = ("img", "image", "images")  # of a kohya project
KOHYA_FOLDERS = frozenset({"reg", "log", "model"})  # beside them


class Walk:
    """Walks through the folders of SRC and determines what each file and folder is."""

    def __init__(self, src: Path, out: Path) -> None:
        """Both paths are resolved."""
        self.src = src
        self.out = out
        self.pictures: list[Found] = []  # their characters are not known yet
        self.others: list[tuple[str, Kind]] = []
        self.passed: list[Left] = []
        self.base = ""  # where the characters' folders are: `img/` in a kohya project, else SRC itself
        self.waiting: list[tuple[Path, str]] = []
        self.linked: list[tuple[Path, str]] = []  # walked last: a folder keeps its own name, not that of a link to it

    def go(self) -> None:
        """Raises OSError when SRC itself cannot be listed."""
        top = _entries(self.src)
        self.base, self.beside = _project(top)
        self.waiting.append((self.src, ""))
        seen: set[tuple[int, int]] = set()
        while self.waiting or self.linked:
            folder, prefix = self.waiting.pop() if self.waiting else self.linked.pop(0)
            if folder.resolve() == self.out:
                continue
            try:
                status = folder.stat()
                entries = _entries(folder) if prefix else top
            except FileNotFoundError:  # removed since its parent was read
                continue
            except OSError as error:
                self._pass_over(prefix, _unreadable(error))
                continue
            if (status.st_dev, status.st_ino) in seen:
                self._pass_over(prefix, AGAIN)
            elif any(entry.name == STATE and _is_folder(entry) for entry in entries):
                self._pass_over(prefix, MADE)
            elif prefix and _is_training_set(entries):
                self._pass_over(prefix, TRAINING)
            else:
                seen.add((status.st_dev, status.st_ino))
                self._look_at_all(prefix, entries)

    def _look_at_all(self, prefix: str, entries: list[os.DirEntry]) -> None:
        while entries:
            entry = entries.pop()  # in order, and dropped at once: its stat takes memory
            try:
                self._look(prefix + entry.name, entry)
            except FileNotFoundError:  # removed since its folder was read
                continue
            except OSError as error:
                self.others.append((prefix + entry.name, _unreadable(error)))

    def _look(self, path: str, entry: os.DirEntry) -> None:
        bad_link = _bad_link(self.src, entry) if entry.is_symlink() else None
        if _is_folder(entry):
            kind = kind_of_folder(entry.name) or bad_link
            if path in self.beside:
                kind = KOHYA
            if kind:
                self._pass_over(path + "/", kind)
            else:
                (self.linked if entry.is_symlink() else self.waiting).append((Path(entry.path), path + "/"))
            return
        kind = kind_of_name(entry.name)
        if kind in (None, PICTURE) or kind.fails:  # all others are identified by name alone
            self._look_into(path, entry, kind, bad_link)
        else:
            self.others.append((path, kind))

    def _look_into(self, path: str, entry: os.DirEntry, named: Kind | None, bad_link: Kind | None) -> None:
        """named: what it is by its name; None: the name does not decide."""
        if bad_link:
            self.others.append((path, bad_link if named else replace(OTHER, message=bad_link.message)))
            return
        status = stat_of(entry)
        if not stat.S_ISREG(status.st_mode):
            self.others.append((path, NOT_A_FILE if named else OTHER))
            return
        by_name = named in (PICTURE, RAW)
        kind = named if by_name else _kind_of_content(entry.path) or named or OTHER
        if kind is PICTURE:
            self.pictures.append(Found(path, "", *numbers_of(status)))
        else:
            self.others.append((path, kind))

    def _pass_over(self, path: str, kind: Kind) -> None:
        self.passed.append(Left(path, kind))


def _project(top: Iterable[os.DirEntry]) -> tuple[str, frozenset[str]]:
    """-> (where the characters' folders are: `img/` in a kohya project, else SRC itself; the folders beside it)."""
    folders = {entry.name: entry for entry in top if _is_folder(entry) and not entry.is_symlink()}
    beside = KOHYA_FOLDERS.intersection(folders)
    for name in IMAGE_FOLDERS:
        # Beside `images/` and `model/` alone may lie two characters' folders.
        if name in folders and (name == "img" and beside or _holds_numbered(folders[name])):
            return f"{name}/", beside
    return "", frozenset()


def _holds_numbered(folder: os.DirEntry) -> bool:
    try:
        return any(numbered_folder(entry.name) and _is_folder(entry) for entry in _entries(Path(folder.path)))
    except OSError:  # reported when its turn comes
        return False


def _is_training_set(entries: Iterable[os.DirEntry]) -> bool:
    """Whether these are in a folder such as the kohya/ of a set that prep made."""
    names = {entry.name for entry in entries}
    return DATASET in names and any(numbered_folder(entry.name) and _is_folder(entry) for entry in entries)


def _entries(folder: Path) -> list[os.DirEntry]:
    """In reverse byte order of their names. Raises OSError."""
    with os.scandir(folder) as listed:
        return sorted(listed, key=lambda entry: os.fsencode(entry.name), reverse=True)


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a loop, or no permission
        return False


def _bad_link(src: Path, entry: os.DirEntry) -> Kind | None:
    try:
        target = Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError):
        return replace(LINK, message="is a broken link")
    return None if target.is_relative_to(src) else LINK


def _kind_of_content(path: str) -> Kind | None:
    with open(path, "rb") as file:  # noqa: PTH123
        return kind_of_start(file.read(START_BYTES))


def _unreadable(error: OSError) -> Kind:
    return replace(UNREADABLE, message=f"cannot be read ({error.strerror})")
