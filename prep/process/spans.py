"""Where the time goes: a span is work of one kind, in one thread of one process of a run. For `prep run --profile`.

`with spent("decode"):` costs one look, unless this process records. Each process that records appends to a file of its
own; trace.py reads these files. Nothing here knows what the kinds mean, but for a network's two and `other`.
"""

import contextlib
import json
import os
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

T = TypeVar("T")
OTHER = "other"  # the time of a stage's own thread outside all spans
INFER, WAIT = "infer", "wait"  # the network's work, and its waiting for pictures, both in the same thread
SUFFIX = ".spans"
FLUSH_SPANS = 1_000
FLUSH_SECONDS = 2  # a kill loses no more
MOST_SPANS = 2_000  # of a kind, kept one by one, by stage and process: all others are only in the sums


class Recording(NamedTuple):
    """What a worker needs to know to record as well: it is passed along with the job."""

    folder: Path
    stage: str


def spent(kind: str) -> contextlib.AbstractContextManager:
    """What happens inside is of this kind. Never yield inside: the span would contain what others do meanwhile."""
    recorder = _recorder
    return _Span(recorder, kind) if recorder else _NOTHING


def spent_on_each(kind: str, items: Iterable[T]) -> Iterator[T]:
    """Yield the items; what it takes to make each is of this kind."""
    items = iter(items)
    while True:
        with spent(kind):
            try:
                item = next(items)
            except StopIteration:
                return
        yield item


@contextlib.contextmanager
def stage(name: str) -> Iterator[None]:
    """All spans that begin inside, in any thread, and in workers that start inside, belong to this stage."""
    recorder = _recorder
    if not recorder:
        yield
        return
    recorder.stage, cpu, started = name, cpu_ns(), time.perf_counter_ns()
    recorder.visits += 1
    try:
        with spent(OTHER):
            yield
    finally:
        recorder.add_stage(name, time.perf_counter_ns() - started, cpu_ns() - cpu)
        recorder.stage = ""


@contextlib.contextmanager
def recorded(folder: Path) -> Iterator[None]:
    """Record what this process does inside. folder: exists, and is shared with workers on other machines."""
    join(Recording(folder, ""))
    try:
        yield
    finally:
        leave()


def recording(elsewhere: bool = False) -> Recording | None:
    """For the workers that are about to be started; None: nothing is recorded. elsewhere: they are no children of this
    process, so that nobody counts the CPU time of this stage.
    """
    if not _recorder:
        return None
    if elsewhere:
        _recorder.elsewhere.add(_recorder.stage)
    return Recording(_recorder.folder, _recorder.stage)


def join(recording: Recording | None) -> None:
    """Called when a worker starts."""
    global _recorder
    _recorder = _Recorder(*recording) if recording else None


def leave() -> None:
    global _recorder
    recorder, _recorder = _recorder, None
    if recorder:
        recorder.flush()


def flush() -> None:
    """Called by a worker after a batch: it may be stopped without notice."""
    if recorder := _recorder:
        recorder.flush()


def cpu_ns() -> int:
    """CPU time of this process and of its workers that have ended."""
    return round(sum(os.times()[:4]) * 1e9)


class _Span:
    __slots__ = ("cpu", "inside", "inside_cpu", "kind", "recorder", "stage", "started")

    def __init__(self, recorder: "_Recorder", kind: str) -> None:
        self.recorder, self.kind, self.stage = recorder, kind, recorder.stage

    def __enter__(self) -> None:
        self.inside = self.inside_cpu = 0  # ns, of spans inside this one
        self.recorder.here.open.append(self)
        self.cpu, self.started = time.thread_time_ns(), time.perf_counter_ns()

    def __exit__(self, *_: object) -> None:
        ns, cpu = time.perf_counter_ns() - self.started, time.thread_time_ns() - self.cpu
        around = self.recorder.here.open
        around.pop()
        if around:
            around[-1].inside += ns
            around[-1].inside_cpu += cpu
        self.recorder.add(self, ns, cpu)


class _Here(threading.local):
    """What is known of a thread; each thread has its own."""

    visit = -1  # the stage that it last ran a network in, as the recorder numbers them
    ended = 0  # ns: when the network was last done
    waited = 0  # ns, since then

    def __init__(self) -> None:
        self.open: list[_Span] = []  # the innermost last


class _Recorder:
    """Of one process. Sums count each moment of a thread once: under the innermost kind."""

    def __init__(self, folder: Path, stage: str) -> None:
        self.folder, self.stage = folder, stage
        self.path = folder / f"{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
        self.to_clock = time.time_ns() - time.perf_counter_ns()  # processes share no other clock
        self.lock = threading.Lock()
        self.here = _Here()
        self.visits = 0  # stages that have begun
        self.elsewhere: set[str] = set()  # stages with workers that are no children of this process
        self.kept: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._begin()

    def _begin(self) -> None:
        self.flushed = time.monotonic()
        self.spans: list[tuple] = []
        self.stages: list[tuple] = []
        self.sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])  # times, ns, CPU ns
        self.networks: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])  # as in trace.Network, ns
        self.threads: dict[int, str] = {}
        self.left_out = 0

    def add(self, span: _Span, ns: int, cpu: int) -> None:
        key, thread = (span.stage, span.kind), threading.get_native_id()
        with self.lock:
            sums = self.sums[key]
            sums[0] += 1
            sums[1] += ns - span.inside
            sums[2] += cpu - span.inside_cpu
            self._watch(span, ns)
            self.threads[thread] = threading.current_thread().name
            self.kept[key] += 1
            if self.kept[key] <= MOST_SPANS:
                self.spans.append((*key, thread, span.started + self.to_clock, ns))
            else:
                self.left_out += 1
            due = len(self.spans) >= FLUSH_SPANS or time.monotonic() - self.flushed > FLUSH_SECONDS
        if due:
            self.flush()

    def _watch(self, span: _Span, ns: int) -> None:
        """A network counts from the begin of its first batch in a stage to the end of its last, as does its waiting."""
        here = self.here
        if span.kind == WAIT:
            here.waited += ns
        elif span.kind == INFER:
            ended, goes_on = span.started + ns, here.visit == self.visits
            more = (ended - here.ended, ns, here.waited) if goes_on else (ns, ns, 0)
            self.networks[span.stage] = [sum(both) for both in zip(self.networks[span.stage], more, strict=True)]
            here.visit, here.ended, here.waited = self.visits, ended, 0

    def add_stage(self, name: str, ns: int, cpu: int) -> None:
        self.stages.append((name, ns, cpu))

    def flush(self) -> None:
        """Append a line. A disk that is full costs a run its profile, nothing else."""
        with self.lock:
            if not self.sums and not self.stages:
                return
            sums = [(*key, *numbers) for key, numbers in self.sums.items()]
            line = {"process": os.getpid(), "threads": self.threads, "sums": sums, "stages": self.stages}
            line |= {"spans": self.spans, "left_out": self.left_out, "elsewhere": sorted(self.elsewhere)}
            line["networks"] = [(stage, *numbers) for stage, numbers in self.networks.items()]
            self._begin()
            with contextlib.suppress(OSError), self.path.open("ab", buffering=0) as file:
                file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")


_NOTHING = contextlib.nullcontext()
_recorder: _Recorder | None = None  # this process's
