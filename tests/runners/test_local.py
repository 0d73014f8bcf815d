"""The local runner: what is not isolated runs here, and turns this process's heap only where it may."""

import contextlib

import pytest

from prep.runners import load_runner, local
from prep.types import Outcome


class Counting:
    """Notes what happens, in order."""

    name = "count"
    batch = 2
    isolated = False

    def __init__(self, keeps_memory: bool, seen: list) -> None:
        self.keeps_memory = keeps_memory
        self.seen = seen

    def open(self, worker):
        self.seen.append("open")

    def run(self, items):
        for item in items:
            yield Outcome(item)

    def close(self):
        self.seen.append("close")


@pytest.fixture
def seen(monkeypatch):
    seen = []

    @contextlib.contextmanager
    def kept():
        seen.append("kept")
        yield
        seen.append("given back")

    monkeypatch.setattr(local, "freed_memory_kept", kept)
    return seen


@pytest.mark.parametrize(("own_process", "keeps_memory"), [(False, True), (True, False), (False, False)])
def test_the_heap_is_left_alone_unless_the_process_is_preps_and_the_job_asks(seen, own_process, keeps_memory):
    job = Counting(keeps_memory, seen)
    assert len(list(load_runner("local", own_process=own_process).map(job, "abc"))) == 3
    assert seen == ["open", "close"]


def test_memory_is_kept_from_before_a_job_opens_until_it_has_let_go(seen):
    list(load_runner("local", own_process=True).map(Counting(True, seen), "abc"))
    assert seen == ["kept", "open", "close", "given back"]


def test_without_work_nothing_is_opened(seen):
    assert list(load_runner("local", own_process=True).map(Counting(True, seen), "")) == [] and seen == []
