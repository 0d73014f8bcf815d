"""What the sections of card.py share: their findings, the clock, and the device; and how a section runs."""

import gc
import json
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from benchmarks.made_up import GB


@dataclass
class Run:
    """One run of card.py. Every finding is a JSON line on stdout and at the end of OUT/card.jsonl."""

    size: str  # large: SD3.5-large and DeepDanbooru v3; tiny: the same classes in kilobytes
    device: str  # cuda or cpu
    out: Path  # the folder of card.jsonl
    folder: Path  # the folder of the made-up weights
    limit_seconds: float
    compile_tiny: bool = False
    section: str = ""  # the one that runs now
    skipped: list[str] = field(default_factory=list)  # sections, in whole or in part
    failed: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    @property
    def cuda(self) -> bool:
        return self.device == "cuda"

    @property
    def elapsed_seconds(self) -> float:
        return time.perf_counter() - self.started

    def has(self, seconds: float) -> bool:
        """Is so much of the time left?"""
        return self.elapsed_seconds + seconds <= self.limit_seconds

    def say(self, **found) -> None:
        self.write({"at": round(self.elapsed_seconds, 1), "section": self.section, **found})

    def skip(self, reason: str, **found) -> None:
        self._note(self.skipped)
        self.say(**found, skipped=reason)

    def fail(self, error: Exception, **found) -> None:
        self._note(self.failed)
        where = "".join(traceback.format_exception(error))[-1500:]
        self.say(**found, failed=f"{type(error).__name__}: {str(error)[:400]}", where=where)

    def write(self, found: dict) -> None:
        line = json.dumps(found, default=str)
        print(line, flush=True)
        with (self.out / "card.jsonl").open("a") as file:  # a run that is killed leaves what it found
            file.write(line + "\n")

    def seconds_of(self, work: Callable[[], object]) -> float:
        """How long the work takes, on the device too."""
        self.wait()
        started = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - started

    def wait(self) -> None:
        """Until the device has done what it was given."""
        if self.cuda:
            torch.cuda.synchronize()

    def clean(self) -> None:
        """Give freed memory back, and begin a new peak."""
        gc.collect()
        if self.cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> dict[str, float]:
        """The most memory since clean(); empty on a CPU."""
        if not self.cuda:
            return {}
        return {
            "peak_allocated_gb": round(torch.cuda.max_memory_allocated() / GB, 2),
            "peak_reserved_gb": round(torch.cuda.max_memory_reserved() / GB, 2),
        }

    def _note(self, sections: list[str]) -> None:
        if self.section not in sections:
            sections.append(self.section)


@dataclass(frozen=True)
class Section:
    name: str
    seconds: float  # that it needs with the large size on an H100, by estimate
    measure: Callable[[Run], None]


def run_section(run: Run, section: Section) -> None:
    """An error is a finding, and the next section runs."""
    run.section = section.name
    if not run.has(section.seconds):
        left = run.limit_seconds - run.elapsed_seconds
        run.skip(f"it needs {section.seconds:.0f} s, and {left:.0f} are left")
        return
    try:
        run.clean()
        seconds = run.seconds_of(lambda: section.measure(run))
        run.say(section_s=round(seconds, 1))
    except Exception as error:
        run.fail(error)
