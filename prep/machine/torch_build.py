"""Whether this torch can use an NVIDIA card at all, read from its files: importing torch takes seconds."""

import importlib.util
import re
from pathlib import Path

from prep.process.hardware import nvidia_driver

# As on pytorch.org; plain pip gives Windows a torch without CUDA.
COMMAND = "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu126"
MEND = f"`{COMMAND}`, or the command for your driver on https://pytorch.org/get-started/locally/"


def without_cuda() -> str:
    """One clause, where an NVIDIA card's driver is here and torch is built without CUDA; else empty."""
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
    return f"torch {version[1] if version else ''} is built without CUDA, so it cannot use the NVIDIA card here"
