"""The local runner: what is not isolated runs here, and turns this process's heap only where it may."""

import contextlib

import pytest

from prep.protocols import Needs, Notes, Outcome
from prep.runners import load_runner, local


class Counting:
    """Notes what happens, in order."""

    name = "count"
    batch = 2
    isolated = False

    def __init__(self, keeps_memory: bool, seen: list) -> None:
        self.needs = Needs(keeps_memory=keeps_memory)
        self.seen = seen

    def open(self, worker):
        self.seen.append("open")

    def run(self, items):
        for item in items:
            yield Outcome(item)

    def close(self):
        self.seen.append("close")
        return {"device": "cpu"}


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


def test_a_job_that_does_not_ask_for_it_leaves_the_heap_alone(seen):
    found = list(load_runner("local").map(Counting(False, seen), "abc"))
    assert found == [Outcome("a"), Outcome("b"), Outcome("c"), Notes({"device": "cpu"})] and seen == ["open", "close"]


def test_memory_is_kept_from_before_a_job_opens_until_it_has_let_go(seen):
    list(load_runner("local").map(Counting(True, seen), "abc"))
    assert seen == ["kept", "open", "close", "given back"]


def test_without_work_nothing_is_opened(seen):
    assert list(load_runner("local").map(Counting(True, seen), "")) == [] and seen == []
