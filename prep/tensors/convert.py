"""A checkpoint of PyTorch (.ckpt, .pt) as a safetensors file, which nothing in it can run from."""

import pickle
from pathlib import Path

import torch
from safetensors.torch import save_file

from prep.errors import UsageError, WeightsError
from prep.files import write_whole
from prep.tensors.kind import is_torch_zip

DTYPES = {torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
          torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool}  # fmt: skip
NESTED = ("state_dict", "model")  # where trainers put the weights beside other things


def to_safetensors(path: Path) -> tuple[Path, int]:
    """Write the tensors of a checkpoint beside it -> (NAME.safetensors, how many tensors it has).

    torch reads only tensors from it, and refuses all else. Raises UsageError when it is missing or the target is there
    already, WeightsError when it is no such checkpoint, NoRoomError when the disk is full.
    """
    same = path.suffix == ".safetensors"  # somebody renamed it
    target = path.with_name(f"{path.stem}-converted.safetensors") if same else path.with_suffix(".safetensors")
    try:
        known = is_torch_zip(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})", hint="name a .ckpt or .pt file") from None
    if not known:
        raise WeightsError(f"{path.name} is not a checkpoint that torch wrote as a zip", hint="convert it elsewhere")
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} is there already", hint="use it, or move it away")
    tensors = _tensors(path)
    try:
        write_whole(target, lambda temporary: save_file(tensors, temporary))
    except RuntimeError as error:  # safetensors has no error of its own for a disk
        raise WeightsError(f"{target.name} could not be written: {str(error).splitlines()[0]}") from None
    return target, len(tensors)


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:  # torch's own message explains how to run it anyway
        raise WeightsError(
            f"{path.name} holds more than tensors: a program that would run when it is opened",
            hint="prep does not open it; get the .safetensors file of the same model",
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise WeightsError(f"{path.name} is damaged", hint="fetch it again") from error
    for name in NESTED:
        if isinstance(content, dict) and isinstance(content.get(name), dict) and not _found(content):
            content = content[name]
    return _checked(path, _found(content))


def _found(content: object) -> dict[str, torch.Tensor]:
    """The tensors that have a name."""
    entries = content.items() if isinstance(content, dict) else ()
    return {name: each for name, each in entries if isinstance(name, str) and isinstance(each, torch.Tensor)}


def _checked(path: Path, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As a safetensors file has them, each by itself. Raises WeightsError."""
    if not tensors:
        raise WeightsError(f"{path.name} holds no tensors by name", hint="get the .safetensors file of the model")
    seen: set[int] = set()
    found = {}
    for name, tensor in tensors.items():
        plain = tensor.layout == torch.strided and tensor.dtype in DTYPES
        if not plain or name == "__metadata__" or not name.isprintable():
            what = f"{tensor.layout}, {tensor.dtype}".replace("torch.", "")
            raise WeightsError(f"{path.name} holds {name!r} ({what}), which no safetensors file can hold")
        if tensor.nbytes > tensor.untyped_storage().nbytes():
            raise WeightsError(f"{path.name} is damaged: {name} claims more bytes than it has", hint="fetch it again")
        tensor = tensor.detach().resolve_neg()
        alone = tensor.is_contiguous() and tensor.untyped_storage().nbytes() == tensor.nbytes
        if not alone or tensor.data_ptr() in seen:  # it shares memory with another
            tensor = tensor.clone(memory_format=torch.contiguous_format)
        seen.add(tensor.data_ptr())
        found[name] = tensor
    return found
