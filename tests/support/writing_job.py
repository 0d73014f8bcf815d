"""A job that writes down what happens to it. In a file of its own: other processes import it, and nothing heavy."""

import os

from prep.errors import WeightsError
from prep.protocols import Needs, Outcome
from prep.types import Problem


class WritingJob:
    """Writes down what happens to it, wherever it runs. On the item `bad` it raises."""

    name = "write"
    batch = 2
    needs = Needs(memory_bytes=1)

    def __init__(self, folder, isolated=False):
        self.folder = folder
        self.isolated = isolated

    def open(self, worker):
        self.worker = worker
        self._note("open")

    def run(self, items):
        self._note(f"run {len(items)}")
        for item in items:
            if item == "bad":
                raise WeightsError("it is bad", hint="take another")
            yield Outcome(item, Problem("write", "odd", "is odd") if item == "odd" else None)

    def lost(self, item):
        return Outcome(item, Problem("write", "crash", "crashed"))

    def close(self):
        self._note("close")
        return {"worker": self.worker}

    def _note(self, what):
        with (self.folder / f"{os.getpid()}.txt").open("a") as file:
            file.write(f"{what}\n")
