"""All that the result of a run can depend on, as one digest: SRC, OUT, settings, models, prep itself and this machine.

Git's way: what a file is known by is its stat, and of one that was too young for that also its content. Nothing here
knows what a run does with any of it. settled.py says what the digest proves.
"""

import marshal
import os
import stat
import sys
from collections.abc import Collection, Iterable
from hashlib import blake2b, file_digest
from importlib.metadata import version
from pathlib import Path
from typing import Any

import prep
from prep.files import open_file
from prep.models.hashes import fetched_sha256
from prep.models.known import all_known
from prep.models.locate import places
from prep.process.hardware import may_have, nvidia_driver
from prep.system import entries_of, font_folders

SETTLED_NS = 2_000_000_000  # as in scan/measure.py: a file younger than this may change again without a new time
# Of OUT: written by every run, and nothing follows from them.
PASSED = (".prep/lock", ".prep/log", ".prep/settled.json")
# Variables of the environment that say where models are, by their beginnings and by name.
BEGINNINGS = ("PREP_", "HF_", "HUGGING", "TRANSFORMERS_")
VARIABLES = ("HOME", "USERPROFILE", "LOCALAPPDATA", "SYSTEMROOT", "WINDIR", "XDG_CACHE_HOME")


class ChangedError(Exception):
    """A file is newer than what it is compared with, or too young to be known by its stat and cannot be read."""


def looked_at(src: Path, out: Path, named: Iterable[str], at_ns: int) -> str:
    """-> a digest, hex. named: texts of the settings, which may be paths. at_ns: when the state that counts was looked
    at first, in nanoseconds since 1970.

    Raises ChangedError as soon as a file turns out to be newer than that, OSError, and PrepError for a folder of models
    that cannot be one.
    """
    look = _Look(at_ns)
    look.fact(version("prep-lora"), sys.version, sys.prefix, os.path.realpath(src))
    look.fact(sorted(each for each in os.environ.items() if each[0].startswith(BEGINNINGS) or each[0] in VARIABLES))
    look.fact(nvidia_driver(), may_have("cuda"), may_have("mps"))
    for text in named:
        look.named(text)
    for spec in all_known():
        for file in spec.files:
            look.fact(fetched_sha256(spec.name, file.part))  # of the cache's own file, which every run on it may write
            for source, path in places(spec, file):
                look.fact(source)
                look.file(os.fspath(path))
    look.packages()
    real = os.path.realpath(out)
    apart = {f"{real}/{place}" for place in PASSED}
    look.tree(os.fspath(Path(prep.__file__).parent), names_passed={"__pycache__"})
    look.tree(os.path.realpath(src), passed={real})
    look.tree(real, passed=apart)
    look.tree(os.path.realpath(out / "kohya"))  # a link where export.kohya says so
    for folder in (*look.folders, *font_folders()):
        look.tree(os.path.realpath(folder), through=True)
    return look.digest.hexdigest()


class _Look:
    def __init__(self, at_ns: int) -> None:
        self.at_ns = at_ns
        self.settled_ns = at_ns - SETTLED_NS
        self.digest = blake2b(digest_size=16)
        self.folders: list[str] = []  # that settings name
        self.beside = sorted({file.basename for spec in all_known() for file in (*spec.files, *spec.beside)})
        self.walked: set[str] = set()

    def fact(self, *what: Any) -> None:
        self.digest.update(f"{what!r}\n".encode("ascii", "backslashreplace"))

    def file(self, path: str) -> None:
        """What is at this path, through links; also that nothing is."""
        try:
            found = os.stat(path)  # noqa: PTH116
        except (OSError, ValueError) as error:  # missing, or no possible name
            self.fact(path, type(error).__name__)
        else:
            self.fact(path, *self._known_by(path, found))

    def named(self, text: str) -> None:
        """What a setting may name: a path, or a path behind the name of a model."""
        for each in filter(None, (text, text.partition(":")[2])):
            path = os.path.expanduser(each)  # noqa: PTH111
            self.file(path)
            if os.path.ismount(path):  # it may hold anything, as / does
                raise ChangedError
            if os.path.isdir(path):  # noqa: PTH112 - any text, also no possible path
                self.folders.append(path)
            elif os.path.isfile(path):  # noqa: PTH113 - a model's other files may be beside it
                for name in self.beside:
                    self.file(os.path.join(os.path.dirname(path), name))  # noqa: PTH118, PTH120

    def packages(self) -> None:
        """The packages that are installed: another may bring a model, or what runs one."""
        for folder in sys.path:
            if os.path.isdir(folder):  # noqa: PTH112
                self.fact([(name, each.st_mtime_ns) for name, each in entries_of(folder) if name.endswith("-info")])

    def tree(
        self, top: str, passed: Collection[str] = (), names_passed: Collection[str] = (), through: bool = False
    ) -> None:
        """All that is in a folder, at any depth; there may be none. passed: paths that do not count. A link to a folder
        is walked through only if asked for, but what it leads to counts.
        """
        folders = [top]
        while folders:
            folder = folders.pop()
            if folder in self.walked:
                continue
            self.walked.add(folder)
            self.fact(folder)
            known = []
            here = (path.rpartition("/") for path in passed)
            skipped = {*names_passed, *(name for above, _, name in here if above == folder)}
            try:
                for name, found in entries_of(folder):
                    if name in skipped:
                        continue
                    mode, changed_ns, written_ns = found.st_mode, found.st_ctime_ns, found.st_mtime_ns
                    if stat.S_ISREG(mode) and changed_ns < self.settled_ns and written_ns < self.settled_ns:
                        known.append((name, mode, found.st_size, written_ns, changed_ns, found.st_ino))
                        continue
                    path = f"{folder}/{name}"
                    known.append((name, *self._known_by(path, found)))
                    if stat.S_ISDIR(found.st_mode):
                        folders.append(path)
                    elif stat.S_ISLNK(found.st_mode):
                        self.fact(os.readlink(path))  # noqa: PTH115
                        self.file(path)
                        if through and os.path.isdir(path):  # noqa: PTH112
                            folders.append(os.path.realpath(path))
            except (PermissionError, FileNotFoundError) as error:  # prep reports a folder that it may not read
                self.fact(folder, type(error).__name__)
            self.digest.update(marshal.dumps(known, 2))  # half the time of a text, for what is nearly all of it

    def _known_by(self, path: str, found: os.stat_result) -> tuple:
        if not stat.S_ISREG(found.st_mode):
            return found.st_mode, found.st_ino  # the time of a folder says nothing that its entries do not
        changed_ns, written_ns = found.st_ctime_ns, found.st_mtime_ns
        known = found.st_mode, found.st_size, written_ns, changed_ns, found.st_ino
        if changed_ns < self.settled_ns and written_ns < self.settled_ns:
            return known
        if changed_ns > self.at_ns:
            raise ChangedError
        try:
            with os.fdopen(open_file(Path(path), os.O_RDONLY, follow=True), "rb") as file:
                return *known, file_digest(file, "blake2b").hexdigest()
        except PermissionError:  # nor can be said what is in it
            raise ChangedError from None
