"""What glibc does with freed memory, turned to what a process of prep's own does. Without glibc these do nothing."""

import contextlib
import ctypes
from collections.abc import Iterator

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h
USUAL_TRIM, USUAL_MMAPS = 2**17, 2**16
_own = False  # whether this process is prep's own


def own_this_process() -> None:
    """Said by a command, or where a worker starts. Until then nothing here changes the heap: it is somebody else's."""
    global _own
    _own = True


def keep_freed_memory() -> None:
    """glibc gives large blocks back to the system, and pages every layer's activations in anew: a quarter of the time
    of tagging. A process that does the same again and again keeps its largest size for it instead.
    """
    _set((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**30))


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Within, it is kept; at the end it goes back."""
    keep_freed_memory()
    try:
        yield
    finally:
        give_back_freed_memory()


def give_back_freed_memory() -> None:
    """As it was before, and what was kept goes back to the system."""
    _set((M_MMAP_MAX, USUAL_MMAPS), (M_TRIM_THRESHOLD, USUAL_TRIM))
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
