"""Whether this torch can use an NVIDIA card at all, read from its files: importing torch takes seconds."""

import importlib.util
import re
from pathlib import Path

from prep.process.hardware import nvidia_driver

CUDA = "cu130"  # for RTX 20 and later, with a driver of 2025 or later


def mend(version: str) -> str:
    """What to do about a torch of this version that has no CUDA, as plain pip gives it to Windows."""
    plain = version.partition("+")[0] or "2.13.0"
    # Its own version, with the build in it: pip then replaces torch alone, and the pinned version stays.
    command = f"python -m pip install torch=={plain}+{CUDA} --index-url https://download.pytorch.org/whl/{CUDA}"
    return f"`{command}`, or the command for your card on https://pytorch.org/get-started/locally/"


def without_cuda() -> str:
    """One line, where an NVIDIA card's driver is here and torch is built without CUDA: the fact, and what to do. Else
    empty.
    """
    if not nvidia_driver():
        return ""
    found = importlib.util.find_spec("torch")
    if found is None or not found.origin:
        return ""
    try:
        text = (Path(found.origin).parent / "version.py").read_text()
    except OSError:
        return ""
    version = re.search(r"__version__ = '([^']*)'", text)
    for built_for in ("cuda", "hip", "rocm"):
        if re.search(rf"^{built_for}\b[^=\n]*= *'", text, re.MULTILINE):
            return ""
    own = version[1] if version else ""
    return f"torch {own} is built without CUDA, so it cannot use the NVIDIA card here: {mend(own)}"
