"""As much of Windows as Linux can play, in every process whose PYTHONPATH has this folder.

For prep's own modules, what only POSIX has is gone. For the whole process, links are not permitted, an open file can be
neither removed nor replaced, and a name that Windows refuses is refused under PREP_WINDOWS.
"""

# It stands below pathlib.
# ruff: noqa: PTH100, PTH112, PTH115, PTH123, PTH208

import builtins
import errno
import os
import re
import signal
import sys
from contextlib import suppress
from types import ModuleType

from posix_only import MODULES, OS, SIGNAL

REFUSED = re.compile(r'[<>:"|?*\x00-\x1f]|[. ]$')
DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$", re.I)
LONGEST = 260
ROOT = os.environ.get("PREP_WINDOWS", "")


class Proxy(ModuleType):
    """A module as prep sees it: without some names, and with others of its own."""

    def __init__(self, module: ModuleType, gone: list[str], own: dict) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(_module=module, _gone=frozenset(gone), _own=own)

    def __getattr__(self, name: str):
        if name in self.__dict__["_gone"]:
            raise AttributeError(f"Windows has no {name}")
        return self.__dict__["_own"].get(name) or getattr(self.__dict__["_module"], name)

    def __setattr__(self, name: str, value) -> None:
        setattr(self.__dict__["_module"], name, value)


class Entry:
    """What scandir yields: without inode and device."""

    def __init__(self, entry: os.DirEntry) -> None:
        self._entry = entry

    def __getattr__(self, name: str):
        return getattr(self._entry, name)

    def __fspath__(self) -> str:
        return self._entry.path

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        make, (values, more) = self._entry.stat(follow_symlinks=follow_symlinks).__reduce__()
        return make((values[0], 0, 0, *values[3:]), more)


class Entries:
    def __init__(self, path) -> None:
        self._found = os.scandir(path)

    def __iter__(self):
        return map(Entry, self._found)

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self._found.close()


def opened(path, flags: int, *more, **named) -> int:
    if os.path.isdir(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))
    return os.open(path, flags, *more, **named)


def killed(process: int, number: int) -> None:
    """TerminateProcess: whatever the signal, nothing is flushed."""
    os.kill(process, signal.SIGKILL)


PROXIES = {
    "os": Proxy(os, OS, {"name": "nt", "open": opened, "scandir": Entries, "kill": killed}),
    "signal": Proxy(signal, SIGNAL, {}),
    "sys": Proxy(sys, [], {"platform": "win32"}),
}
_import = builtins.__import__


def imported(name, globals=None, locals=None, fromlist=(), level=0):  # noqa: A002 - as Python calls it
    if globals and str(globals.get("__name__", "")).partition(".")[0] == "prep" and not level:
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name in PROXIES:
            for each in fromlist or ():
                getattr(PROXIES[name], each)
            return PROXIES[name]
    return _import(name, globals, locals, fromlist, level)


builtins.__import__ = imported


def in_use(path: str) -> bool:
    """Whether this process has it open, or mapped."""
    wanted = os.path.realpath(path)
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if os.readlink(f"/proc/self/fd/{number}") == wanted:
                return True
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        return any(line.rstrip("\n").endswith(wanted) for line in maps)


def check_name(path) -> None:
    """Raises OSError for a name that Windows refuses."""
    with suppress(TypeError):
        text = os.fsdecode(path)
        below = os.path.abspath(text)
        if ROOT and below.startswith(ROOT + "/"):
            parts = below[len(ROOT) + 1 :].split("/")
            if len(below) >= LONGEST or any(REFUSED.search(part) or DEVICES.match(part) for part in parts):
                raise OSError(errno.EINVAL, "The filename, directory name, or volume label syntax is incorrect", text)


def watched(event: str, values: tuple) -> None:
    """Called for each event that Python audits, before it happens."""
    if event == "os.mkdir" or event == "open" and _is_path(values[0]) and (values[2] or 0) & os.O_CREAT:
        check_name(values[0])
    elif event == "os.symlink":
        raise OSError(errno.EINVAL, "A required privilege is not held by the client")
    elif event == "os.rename":
        check_name(values[1])
        for each in map(os.fsdecode, values[:2]):
            if in_use(each):
                raise PermissionError(errno.EACCES, "The process cannot access the file", each)
    elif event == "os.remove" and in_use(os.fsdecode(values[0])):
        raise PermissionError(errno.EACCES, "The process cannot access the file", os.fsdecode(values[0]))


def _is_path(value: object) -> bool:
    return isinstance(value, (str, bytes))


def renamed(path, target, **named) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "Cannot create a file when that file already exists", str(target))
    _rename(path, target, **named)


_rename, os.rename = os.rename, renamed
sys.addaudithook(watched)
