"""Adapt what glibc does with freed memory to prep's own processes. Without glibc these functions do nothing."""

import contextlib
import ctypes
import gc
from collections.abc import Iterator

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -3, -4, -8  # malloc.h
USUAL_TRIM, USUAL_MMAPS, LARGE = 2**17, 2**16, 2**18
_own = False  # whether this process is prep's own


def own_this_process() -> None:
    """Called by a command, or when a worker starts. Before that nothing here changes the heap: the process may be a
    caller's.
    """
    global _own
    _own = True


def collect_rarely() -> None:
    """A large set makes some million objects, and none refers to itself: they go without a search for garbage, which
    would take a tenth of a run as often as Python does it.
    """
    if _own:
        gc.set_threshold(50_000, 20, 100)


def give_back_large_blocks() -> None:
    """glibc takes a block that was freed for a sign that more of its size will be needed, and keeps all up to that size
    among the small ones, where few can be given back: after a table of 100,000 rows a quarter of the process.
    """
    _set((M_MMAP_THRESHOLD, LARGE))


def collect() -> None:
    """Free what is left of a part of the work, and return it to the system."""
    gc.collect()
    trim()


def share_one_heap() -> None:
    """Called before threads begin. Otherwise each has a heap of its own, and what is said here about freed memory holds
    for the main thread alone.
    """
    _set((M_ARENA_MAX, 1))


def keep_freed_memory() -> None:
    """glibc returns large blocks to the system, so that every layer's activations are paged in again: a quarter of the
    time of tagging. A process that repeats the same work keeps its peak size instead.
    """
    _set((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**30))


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep freed memory inside this context, and return it at the end."""
    keep_freed_memory()
    try:
        yield
    finally:
        give_back_freed_memory()


def give_back_freed_memory() -> None:
    """Restore the default, and return kept memory to the system."""
    _set((M_MMAP_MAX, USUAL_MMAPS), (M_TRIM_THRESHOLD, USUAL_TRIM))
    trim()


def trim() -> None:
    """Return what was freed to the system: after a stage over 100,000 pictures 10 to 30 MB, in some milliseconds."""
    if _own:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def _set(*settings: tuple[int, int]) -> None:
    if not _own:
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        for name, value in settings:
            libc.mallopt(name, value)
