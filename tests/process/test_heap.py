"""What glibc does with freed memory is turned, and turned back; elsewhere nothing happens."""

import subprocess
import sys

import pytest

from prep.process import heap


@pytest.fixture
def asked(monkeypatch):
    """The calls that glibc would get."""
    calls = []

    class Libc:
        def __init__(self, name):
            assert name == "libc.so.6"

        def mallopt(self, name, value):
            calls.append((name, value))

        def malloc_trim(self, pad):
            calls.append("trim")

    monkeypatch.setattr(heap.ctypes, "CDLL", Libc)
    monkeypatch.setattr(heap, "_own", True)
    return calls


def test_the_heap_of_somebody_elses_process_is_left_alone(asked, monkeypatch):
    monkeypatch.setattr(heap, "_own", False)
    with heap.freed_memory_kept():
        pass
    assert asked == []


def test_within_memory_is_kept_and_at_the_end_it_goes_back(asked):
    with pytest.raises(KeyError), heap.freed_memory_kept():
        assert asked == [(heap.M_MMAP_MAX, 0), (heap.M_TRIM_THRESHOLD, 2**30)]
        raise KeyError
    assert asked[2:] == [(heap.M_MMAP_MAX, 2**16), (heap.M_TRIM_THRESHOLD, 2**17), "trim"]


def test_a_system_without_glibc_is_left_alone(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(heap.ctypes, "CDLL", missing)
    monkeypatch.setattr(heap, "_own", True)
    with heap.freed_memory_kept():
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone does this")
def test_freed_memory_is_really_kept_and_really_given_back():
    code = (
        "import psutil\nfrom prep.process.heap import freed_memory_kept, own_this_process\nown_this_process()\n"
        "def resident(): return psutil.Process().memory_info().rss / 1e6\n"
        "with freed_memory_kept():\n"
        "    block = bytearray(b'x' * 50_000_000)\n    del block\n    kept = resident()\n"
        "assert kept - resident() > 40, (kept, resident())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
