"""What runs a tagger's network: torch (onnxruntime for one in ONNX), or OpenVINO. Their scores differ a little, so a
set keeps the one that it was begun with.
"""

from collections.abc import Mapping
from typing import Any

from prep.errors import SettingsError, StoppedError
from prep.models.ref import ModelRef
from prep.process.hardware import may_have
from prep.registry import ModelSpec
from prep.sections import Settings
from prep.tensors.in_openvino import INSTALL, lacks

TORCH, OPENVINO = "torch", "openvino"
GPUS = ("cuda", "mps")


def settled(settings: Settings, remembered: Mapping[str, Any] | None) -> Settings:
    """The same with tagger.backend decided. remembered: the row of the set's tagger; None: the set is new."""
    asked = settings.tagger.backend
    if asked == "auto":
        asked = (remembered["backend"] or TORCH) if remembered else _best_here(settings.tagger.device)
    return settings.model_copy(update={"tagger": settings.tagger.model_copy(update={"backend": asked})})


def _best_here(device: str) -> str:
    return OPENVINO if _on_cpu(device) and not lacks() else TORCH


def _on_cpu(device: str) -> bool:
    return device == "cpu" or device == "auto" and not any(map(may_have, GPUS))


def faster_here(spec: ModelSpec, settings: Settings) -> str:
    """What would read new sets faster, as a next step; empty: nothing. settings: settled."""
    by_torch = spec.openvino and settings.tagger.backend == TORCH and _on_cpu(settings.tagger.device)
    return f"{INSTALL}: OpenVINO reads new sets faster on a CPU" if by_torch and lacks() else ""


def check_backend(spec: ModelSpec, settings: Settings) -> None:
    """Raises SettingsError, StoppedError where OpenVINO is asked for and cannot run this tagger."""
    if settings.tagger.backend != OPENVINO:
        return
    if not spec.openvino:
        raise SettingsError(
            f"tagger.backend is openvino, which cannot run {spec.name}", hint="set tagger.backend=auto or torch"
        )
    if settings.tagger.device in GPUS:
        raise SettingsError(
            f"tagger.backend is openvino, which runs taggers on the CPU, but tagger.device is {settings.tagger.device}",
            hint="set tagger.device=cpu, or tagger.backend=torch",
        )
    if why := lacks():
        raise StoppedError(f"tagger.backend is openvino, but {why}", hint=f"{INSTALL}, or set tagger.backend=torch")


def check_begun(ref: ModelRef) -> None:
    """Raises StoppedError for a set whose tagger OpenVINO runs, on a machine where it cannot."""
    if getattr(ref.options, "backend", TORCH) == OPENVINO and (why := lacks()):
        raise StoppedError(
            f"OpenVINO tagged this set, but {why}",
            hint=f"{INSTALL}, or set tagger.backend=torch: then all images are tagged again",
        )
