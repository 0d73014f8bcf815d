"""Memory, disk and cards that this process may use, within a container's limits. Sizes in bytes; None: unknown."""

import ctypes
import os
import shutil
import sys
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
# Of NVIDIA's cards, its boards, AMD's cards, and Windows' own under WSL.
# Loaded into Linux's kernel, or lent to WSL2 by Windows, which has no such entry in /proc.
NVIDIA_DRIVERS = (Path("/proc/driver/nvidia/version"), Path("/usr/lib/wsl/lib/libcuda.so.1"))
GPU_NODES = ("/dev/nvidia0", "/dev/nvhost-gpu", "/dev/nvgpu", "/dev/kfd", "/dev/dxg")


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
    """Whether an NVIDIA driver is there; torch may still be unable to use it."""
    windows = Path(os.environ.get("SYSTEMROOT", "C:/Windows"))
    return any(path.exists() for path in (*NVIDIA_DRIVERS, windows / "System32" / "nvcuda.dll"))


def may_have(device: str) -> bool:
    """Whether this machine may have such a device: cuda or mps; auto and cpu always. torch, which takes seconds to
    import, decides.
    """
    if device == "cuda" and sys.platform == "linux":
        return nvidia_driver() or any(Path(node).exists() for node in GPU_NODES)
    return sys.platform == "darwin" if device == "mps" else True


def cuda_cards() -> tuple[str, ...]:
    """The NVIDIA cards that this process may use, as CUDA_VISIBLE_DEVICES names them; none without a driver, whatever
    that says. Imports no torch.
    """
    if not nvidia_driver():
        return ()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return tuple(map(str, range(_nvidia_cards())))
    cards = []
    for name in map(str.strip, named.split(",")):
        if not name or name.startswith("-"):  # CUDA reads no further
            break
        cards.append(name)
    return tuple(cards)


def _nvidia_cards() -> int:
    """As the driver counts them."""
    count = ctypes.c_uint()
    try:
        nvml = ctypes.CDLL("nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1")
        if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
            return 0
        nvml.nvmlShutdown()
    except (OSError, AttributeError):  # no library, or one of another kind
        return 0
    return count.value


def _machine_memory() -> tuple[int | None, int | None]:
    import psutil  # imported here, so that `prep status` does not need it

    try:
        found = psutil.virtual_memory()
    except (OSError, RuntimeError, ValueError, KeyError):  # a sandbox may hide what it reads
        return None, None
    return found.total, found.available


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max": no limit
        return None
