"""A job that writes down which card each item met. In a file of its own: other processes import it."""

import os
import time
from pathlib import Path

from prep.errors import WeightsError
from prep.protocols import Needs, Outcome
from prep.types import Problem

AT_IMPORT = os.environ.get("CUDA_VISIBLE_DEVICES")


class CardJob:
    """An item that begins with `fatal` ends its process; `once` does so the first time; `slow` takes a second."""

    name = "card"
    batch = 4

    def __init__(self, folder: Path, elsewhere: bool = False, isolated: bool = False) -> None:
        self.folder = folder
        self.isolated = isolated
        self.needs = Needs(gpu=True, elsewhere=elsewhere)

    def open(self, worker: str) -> None:
        self.worker = worker
        self.note("open", AT_IMPORT)
        if (self.folder / "refused").exists():
            raise WeightsError("the weights are not on this machine", hint="put them there")
        if (self.folder / "never").exists():
            os._exit(1)

    def run(self, items):
        for item in items:
            died = self.folder / f"died on {item}"
            if item.startswith("fatal") or item.startswith("once") and not died.exists():
                died.touch()
                os._exit(1)
            if item.startswith("slow"):
                time.sleep(1)
            if item == "bad":
                raise WeightsError("it is bad", hint="take another")
            self.note("item", item)
            yield Outcome(item)
        self.note("on disk", *items)

    def lost(self, item):
        return Outcome(item, Problem("card", "crash", "crashed"))

    def close(self):
        self.note("close")
        return {"worker": self.worker, "card": os.environ.get("CUDA_VISIBLE_DEVICES")}

    def note(self, *what) -> None:
        with (self.folder / f"{self.worker}.txt").open("a") as file:
            file.write(" ".join(map(str, what)) + "\n")
