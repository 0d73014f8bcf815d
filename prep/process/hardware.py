"""Cores, memory and disk that this process may use, within a container's limits. Sizes in bytes; None: unknown."""

import os
import shutil
import sys
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
# Of NVIDIA's cards, its boards, AMD's cards, and Windows' own under WSL.
GPU_NODES = ("/dev/nvidia0", "/dev/nvhost-gpu", "/dev/nvgpu", "/dev/kfd", "/dev/dxg")
MEMINFO = Path("/proc/meminfo")


def cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # macOS has no such call
        return os.cpu_count() or 1


def memory() -> tuple[int | None, int | None]:
    """(total, free), the smaller of the machine's and the container's."""
    total, free = _machine_memory()
    limit, used = (_number(CGROUP / name) for name in ("memory.max", "memory.current"))
    if limit is not None and (total is None or limit < total):
        total = limit
        if used is not None:
            free = min(limit - used, free if free is not None else limit)
    return total, free


def disk_free(folder: Path) -> int | None:
    """Free bytes on the disk that folder is on, or will be on."""
    for path in (folder, *folder.absolute().parents):
        try:
            return shutil.disk_usage(path).free
        except OSError:
            continue
    return None


def nvidia_driver() -> bool:
    """Whether the kernel driver is loaded; torch may still be unable to use it."""
    return Path("/proc/driver/nvidia/version").exists()


def may_have(device: str) -> bool:
    """Whether this machine may have such a device: cuda or mps; auto and cpu always. torch, which takes seconds to
    import, decides.
    """
    if device == "cuda" and sys.platform == "linux":
        return nvidia_driver() or any(Path(node).exists() for node in GPU_NODES)
    return sys.platform == "darwin" if device == "mps" else True


def _machine_memory() -> tuple[int | None, int | None]:
    try:
        lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines())
        return tuple(int(lines[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), None
    except (OSError, ValueError):
        return None, None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max": no limit
        return None
