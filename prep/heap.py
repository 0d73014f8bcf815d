"""What glibc does with freed memory, turned to what a process does. On another system these do nothing."""

import contextlib
import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4  # malloc.h
LARGE = 2**20  # bytes


def keep_freed_memory() -> None:
    """glibc gives large blocks back to the system, and pages every layer's activations in anew: a sixth of the time.

    The process keeps its largest size for it: for one thread that does the same again and again, and for the full-size
    network.
    """
    _set((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**30))


def give_back_large_blocks() -> None:
    """Left alone, glibc soon takes blocks of many megabytes from the heap, small ones that stay come to lie between
    them, and the heap of a long run is larger than that of a short one.
    """
    _set((M_MMAP_THRESHOLD, LARGE))


def _set(*settings: tuple[int, int]) -> None:
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        for name, value in settings:
            libc.mallopt(name, value)
