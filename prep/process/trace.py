"""What the processes of a run recorded, put together: sums by stage and kind, and a trace that a browser shows.

The trace has the form that https://ui.perfetto.dev and chrome://tracing open (Trace Event Format, JSON).
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prep.files import write_whole
from prep.process.spans import OTHER, SUFFIX
from prep.system import remove

MOST_EVENTS = 200_000  # a browser opens as many; about 20 MB


@dataclass
class Spent:
    """seconds: of all threads together, as is cpu."""

    times: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    def add(self, times: int, ns: int, cpu_ns: int) -> None:
        self.times, self.seconds, self.cpu = self.times + times, self.seconds + ns / 1e9, self.cpu + cpu_ns / 1e9


@dataclass
class Network:
    """Seconds of the threads that run a network, each from the begin of its first batch to the end of its last."""

    seconds: float = 0.0
    busy: float = 0.0  # of these, in the network
    waited: float = 0.0  # for pictures


@dataclass
class Sums:
    """Of a whole run."""

    stages: dict[str, Spent] = field(default_factory=dict)  # wall seconds; CPU seconds of all processes on this machine
    kinds: dict[tuple[str, str], Spent] = field(default_factory=dict)  # by stage ("": between stages) and kind
    driver: dict[tuple[str, str], Spent] = field(default_factory=dict)  # of these, what the driver's process did
    networks: dict[str, Network] = field(default_factory=dict)  # by stage
    elsewhere: set[str] = field(default_factory=set)  # stages with workers whose CPU seconds are not in `stages`
    left_out: int = 0  # spans that are in these sums, but not in the trace

    def of(self, stage: str) -> dict[str, Spent]:
        """Kind -> what it took in this stage, the longest first."""
        own = {kind: each for (name, kind), each in self.kinds.items() if name == stage}
        return dict(sorted(own.items(), key=lambda item: -item[1].seconds))


def put_together(folder: Path, trace: Path, leader: int, began_ns: int) -> Sums:
    """Write the trace of what is in folder, without holding it in memory.

    leader: the driver's process id. began_ns: the clock's time that the trace counts from. Raises StoppedError.
    """
    sums = Sums()

    def write(target: Path) -> None:
        with target.open("w", encoding="utf-8") as file:
            file.write('{"displayTimeUnit": "ms", "traceEvents": [')
            for number, event in enumerate(_events(folder, leader, began_ns, sums)):
                file.write(("," if number else "") + "\n" + json.dumps(event))
            file.write(f'\n], "otherData": {{"spans left out": {sums.left_out}}}}}\n')

    write_whole(trace, write)
    return sums


def clear(folder: Path) -> None:
    """Remove the files of processes, and the folder, if they are there."""
    for piece in _pieces(folder):
        remove(piece)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _pieces(folder: Path, leader: int = 0) -> list[Path]:
    """The leader's first."""
    return sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: (not path.name.startswith(f"{leader}-"), path.name))


def _events(folder: Path, leader: int, began_ns: int, sums: Sums) -> Iterator[dict[str, Any]]:
    """Processes are numbered, since two machines may have processes of the same id. Times in microseconds."""
    count = 0
    for process, piece in enumerate(_pieces(folder, leader), 1):
        threads: dict[str, str] = {}
        number = None
        for line in _lines(piece):
            number, threads = line["process"], threads | line["threads"]
            _add(line, sums, number == leader)
            for stage, kind, thread, started, ns in line["spans"]:
                count += 1
                if count > MOST_EVENTS:
                    sums.left_out += 1
                    continue
                name = stage if kind == OTHER else kind
                at = {"ts": (started - began_ns) / 1e3, "dur": ns / 1e3, "pid": process, "tid": thread}
                yield {"name": name, "cat": stage or "run", "ph": "X"} | at
        if number is not None:
            name = f"prep {number}" if number == leader else f"worker {number}"
            yield {"name": "process_name", "ph": "M", "pid": process, "tid": 0, "args": {"name": name}}
        for thread, name in threads.items():
            yield {"name": "thread_name", "ph": "M", "pid": process, "tid": int(thread), "args": {"name": name}}


def _add(line: dict[str, Any], sums: Sums, of_driver: bool) -> None:
    sums.left_out += line["left_out"]
    sums.elsewhere |= {*line["elsewhere"]}
    for stage, kind, *numbers in line["sums"]:
        for kinds in (sums.kinds, sums.driver) if of_driver else (sums.kinds,):
            kinds.setdefault((stage, kind), Spent()).add(*numbers)
    for stage, seconds, busy, waited in line["networks"]:
        own = sums.networks.setdefault(stage, Network())
        own.seconds, own.busy, own.waited = (
            own.seconds + seconds / 1e9,
            own.busy + busy / 1e9,
            own.waited + waited / 1e9,
        )
    for stage, *numbers in line["stages"]:
        sums.stages.setdefault(stage, Spent()).add(1, *numbers)


def _lines(piece: Path) -> Iterator[dict[str, Any]]:
    """Without the last line of a process that was killed while it wrote."""
    with piece.open("rb") as file:
        for line in file:
            with contextlib.suppress(ValueError):
                yield json.loads(line)
