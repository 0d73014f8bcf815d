"""Which models may be in memory together: the one place that decides it.

Small models may stay together, as the two starter models do. A large one has the memory to itself: idle models are
released before it loads.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, get_ident
from typing import Any

from prep.models.ref import ModelRef
from prep.process.heap import give_back_freed_memory
from prep.process.spans import spent

TOGETHER_BYTES = 10**9  # of files; SD3.5 has 11 GB or more, DeepDanbooru 0.64, the starter models 0.02


@dataclass
class _Resident:
    model: Any
    bytes: int  # of its files
    borrowers: list[int] = field(default_factory=list)  # threads


class Residency:
    """The loaded models of a process."""

    def __init__(self, together_bytes: int = TOGETHER_BYTES) -> None:
        self.together_bytes = together_bytes
        self.residents: dict[ModelRef, _Resident] = {}
        self.changed = Condition()
        self.waiting = 0  # threads that wait for room

    @contextlib.contextmanager
    def lend(self, ref: ModelRef) -> Iterator[Any]:
        """Lend the model; load it unless it is loaded. Waits while another thread has one that leaves no room; and who
        has none waits behind a thread that waits for room.

        Raises what making it raises: WeightsError, SettingsError.
        """
        thread = get_ident()
        with self.changed:
            while self.waiting and not self._has_one(thread):
                self.changed.wait()
            resident = self.residents.get(ref) or self._made(ref, thread)
            resident.borrowers.append(thread)
            self.changed.notify_all()
        try:
            yield resident.model
        finally:
            with self.changed:
                resident.borrowers.remove(thread)
                self.changed.notify_all()

    def clear(self) -> None:
        """Release all idle models."""
        with self.changed:
            self._let_go(-1)

    def _made(self, ref: ModelRef, thread: int) -> _Resident:
        size = sum(map(_bytes_of, ref.files().values()))
        room = max(0, self.together_bytes - size)
        self._let_go(room)
        while self._bytes() > room:
            if self._has_one(thread):
                raise RuntimeError(
                    f"{ref.name} was requested by a thread that holds a model beside which there is no room for it"
                )
            self.waiting += 1
            try:
                self.changed.wait()
            finally:
                self.waiting -= 1
            if ref in self.residents:
                return self.residents[ref]
            self._let_go(room)
        with spent("load"):
            self.residents[ref] = _Resident(ref.make(), size)
        return self.residents[ref]

    def _has_one(self, thread: int) -> bool:
        return any(thread in each.borrowers for each in self.residents.values())

    def _let_go(self, room: int) -> None:
        """Release the oldest first, until the rest is no larger."""
        gone = []
        for ref in [ref for ref, each in self.residents.items() if not each.borrowers]:
            if self._bytes() <= room:
                break
            gone.append(self.residents.pop(ref).model)
        for model in gone:
            if close := getattr(model, "close", None):
                close()
        if gone:
            model = None
            gone.clear()
            give_back_freed_memory()

    def _bytes(self) -> int:
        return sum(each.bytes for each in self.residents.values())


def _bytes_of(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


MEMORY = Residency()  # this process's
