"""Which models are in memory together, and who waits for whom."""

import threading
import time
from pathlib import Path

import pytest

from prep.models.hashes import sha256_of
from prep.models.ref import ModelRef
from prep.models.residency import Residency
from prep.options import TaggerOptions
from prep.registry import ModelSpec

LARGE, SMALL = 80, 20  # bytes of their files; 100 may stay together
made: list[str] = []
closed: list[str] = []


class Model:
    def __init__(self, name, files, options):
        self.name = name
        made.append(name)

    def close(self):
        closed.append(self.name)


@pytest.fixture
def memory():
    made.clear()
    closed.clear()
    return Residency(together_bytes=100)


def ref(folder: Path, name: str, size: int) -> ModelRef:
    path = folder / name
    path.write_bytes(name.encode().ljust(size))
    spec = ModelSpec(name, "tagger", f"{__name__}:Model")
    return ModelRef(spec, name, sha256_of(path), TaggerOptions(), (("model", str(path)),))


def test_a_model_is_made_once_and_lent_again(memory, tmp_path):
    one = ref(tmp_path, "one", SMALL)
    with memory.lend(one) as first, memory.lend(one) as second:
        assert first is second
    with memory.lend(ref(tmp_path, "one", SMALL)) as third:  # an equal ref, from another job
        assert third is first
    assert made == ["one"] and closed == []


def test_two_small_ones_stay_together(memory, tmp_path):
    one, other = (ref(tmp_path, name, SMALL) for name in ("one", "other"))
    for each in (one, other, one, other):
        with memory.lend(each):
            pass
    assert made == ["one", "other"] and closed == []


def test_a_large_one_has_the_place_alone(memory, tmp_path):
    small, large = ref(tmp_path, "small", SMALL + 10), ref(tmp_path, "large", LARGE)
    for each in (small, large, small):
        with memory.lend(each):
            pass
    assert made == ["small", "large", "small"] and closed == ["small", "large"]


def test_clearing_closes_what_nobody_has_borrowed(memory, tmp_path):
    one, other = (ref(tmp_path, name, SMALL) for name in ("one", "other"))
    with memory.lend(one), memory.lend(other):
        pass
    with memory.lend(one):
        memory.clear()
        assert closed == ["other"]
    memory.clear()
    assert closed == ["other", "one"] and not memory.residents


def test_a_thread_does_not_wait_for_itself(memory, tmp_path):
    large, other = ref(tmp_path, "large", LARGE), ref(tmp_path, "other", LARGE)
    with memory.lend(large):
        with pytest.raises(RuntimeError, match="other was requested by a thread that holds a model"):
            memory.lend(other).__enter__()
        with memory.lend(large):  # the one that it has it may have again
            pass
    with memory.lend(other):
        assert closed == ["large"]


def test_another_thread_waits_until_there_is_room(memory, tmp_path):
    large, other = ref(tmp_path, "large", LARGE), ref(tmp_path, "other", LARGE)
    asking, has_it = threading.Event(), threading.Event()

    def borrow():
        asking.set()
        with memory.lend(other):
            has_it.set()

    thread = threading.Thread(target=borrow)
    with memory.lend(large):
        thread.start()
        assert asking.wait(5) and not has_it.wait(0.1)
        assert made == ["large"]
    assert has_it.wait(5)
    thread.join(5)
    assert made == ["large", "other"] and closed == ["large"]


def test_a_large_one_gets_its_turn_among_threads_that_read_all_the_time(memory, tmp_path):
    small, large = ref(tmp_path, "small", SMALL + 10), ref(tmp_path, "large", LARGE)
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            with memory.lend(small):
                time.sleep(0.002)

    readers = [threading.Thread(target=read) for _ in range(5)]
    for each in readers:
        each.start()
    drawn = threading.Event()

    def draw() -> None:
        with memory.lend(large):
            drawn.set()

    threading.Thread(target=draw, daemon=True).start()
    got = drawn.wait(20)
    over.set()
    for each in readers:
        each.join(20)
    assert got and not any(each.is_alive() for each in readers)
