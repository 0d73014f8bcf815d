"""ONNX files: told by their first bytes, and opened with onnxruntime, an extra: `pip install prep-lora[onnx]`."""

from pathlib import Path
from typing import TYPE_CHECKING

from prep.errors import SettingsError, StoppedError, WeightsError
from prep.tensors.kind import ONNX, first_kind

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def check_onnx(path: Path, of: str) -> None:
    """of: the model. Raises WeightsError unless the file begins like an ONNX model."""
    if path.is_dir():
        raise WeightsError(f"{path} is a folder", hint=f"name the folder or the first file of {of}")
    try:
        kind = first_kind(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None
    if kind is None or kind.what != ONNX:
        what = kind.what if kind else "not an ONNX model"
        raise WeightsError(f"{path.name} is {what}; {of} is an ONNX model", hint="fetch the file itself")


def has_cuda(device: str, setting: str) -> bool:
    """Whether onnxruntime is to use a GPU. device: auto, cuda or another.

    Raises SettingsError for cuda if it has none.
    """
    if device not in ("auto", "cuda"):
        return False
    try:
        import onnxruntime
    except ImportError:  # open_onnx says so
        return False
    found = CUDA in onnxruntime.get_available_providers()
    if device == "cuda" and not found:
        raise SettingsError(
            f"{setting} is cuda, but this onnxruntime works on the CPU only",
            hint="`pip install onnxruntime-gpu` in place of onnxruntime, or use `auto`",
        )
    return found


def open_onnx(path: Path, threads: int = 0, cuda: bool = False) -> "InferenceSession":
    """threads: 0: as many as onnxruntime likes. cuda: on a GPU where it can; see has_cuda.

    Raises StoppedError without onnxruntime; WeightsError for a file that it cannot open.
    """
    try:
        import onnxruntime
    except ImportError:
        raise StoppedError(
            f"{path.name} needs onnxruntime, which is not installed", hint="`pip install onnxruntime`, then run again"
        ) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # it writes to stderr by itself
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # see prep/process/threads.py
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=[*([CUDA] if cuda else []), CPU])
    except Exception as error:  # onnxruntime's own kinds, of which it exports none
        reason = str(error).strip().split("\n")[0][:120]
        raise WeightsError(f"{path.name} is not an ONNX file that onnxruntime can run ({reason})",
                           hint="fetch it again, or name another file") from None  # fmt: skip
