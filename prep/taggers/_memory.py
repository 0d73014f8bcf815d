"""What glibc does with freed memory, turned to a tagger's needs. On another system these do nothing."""

import contextlib
import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h


def keep_freed_memory() -> None:
    """glibc gives large blocks back to the system, and pages every layer's activations in anew: a sixth of the time.

    The process keeps its largest size for it, so this is for the full-size network alone.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**30)
