"""A safetensors file, with its header checked here: its content, and each tensor mapped or read separately.

Layout: 8 bytes little-endian N, N bytes of JSON (name -> dtype, shape, data_offsets), then the tensors' bytes, end to
end. Why not safetensors' own reader: it maps the whole file at once, so that unused tensors stay resident; and it
cannot view a 16-bit tensor at an odd offset (which `comfy_quant` causes). Here every tensor has its own map, which is
released with the tensor.

torch is imported only when a tensor is read: headers do not need it, so that a wrong file is reported at once.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from prep.documents import parse_json
from prep.errors import WeightsError
from prep.tensors.kind import MOST_HEADER_BYTES, first_kind

if TYPE_CHECKING:
    import torch

# As in the file -> (torch's name, bytes per number).
DTYPES = {
    "F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2),
    "F8_E4M3": ("float8_e4m3fn", 1), "F8_E5M2": ("float8_e5m2", 1),
    "I64": ("int64", 8), "I32": ("int32", 4), "I16": ("int16", 2), "I8": ("int8", 1), "U8": ("uint8", 1),
    "BOOL": ("bool", 1),
}  # fmt: skip
AGAIN = "fetch the file again"
MOST_DIMENSIONS, LONGEST = 16, 2**63  # of a tensor; of one of its dimensions


@dataclass(frozen=True)
class Entry:
    dtype: str  # as in the file: F8_E4M3, BF16, ...
    shape: tuple[int, ...]
    start: int  # from the beginning of the file
    bytes: int


def shown(shape: tuple[int, ...]) -> str:
    return str(list(shape)) if shape else "a single number"


def torch_dtype(name: str) -> "torch.dtype":
    """name: as in the file."""
    import torch

    return getattr(torch, DTYPES[name][0])


class WeightFile:
    """entries: name -> Entry, in the file's order. metadata: what the header says besides the tensors."""

    def __init__(self, path: Path) -> None:
        """Raises WeightsError: not safetensors, truncated, or a header that does not fit the file."""
        self.path = path
        self.metadata, self.entries = _read_header(path)

    def read(self, name: str, start: int = 0, stop: int | None = None) -> "torch.Tensor":
        """The tensor, or only its rows from start to stop, in memory of its own."""
        import torch

        entry = self.entries[name]
        offset, count, shape = entry.start, entry.bytes, entry.shape
        if stop is not None:
            row = entry.bytes // max(1, shape[0])
            offset, count, shape = offset + start * row, (stop - start) * row, (stop - start, *shape[1:])
        data = np.fromfile(self.path, np.uint8, count, offset=offset)
        return torch.from_numpy(data).view(torch_dtype(entry.dtype)).reshape(shape)

    def mapped(self, name: str) -> "torch.Tensor":
        """The tensor mapped from the file: read when touched, never copied, and never written back."""
        import torch

        entry = self.entries[name]
        data = np.memmap(self.path, np.uint8, mode="c", offset=entry.start, shape=(entry.bytes,))
        return torch.from_numpy(data).view(torch_dtype(entry.dtype)).reshape(entry.shape)


def _read_header(path: Path) -> tuple[dict, dict[str, Entry]]:
    try:
        if other := first_kind(path):
            raise WeightsError(f"{path.name} is {other.what}, and not a safetensors file", hint=other.todo or AGAIN)
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or not 2 <= length <= MOST_HEADER_BYTES:
                raise WeightsError(f"{path.name} is not a safetensors file: its header would be {length:,} bytes")
            if 8 + length > size:
                raise WeightsError(f"{path.name} is cut off within its header: {size:,} bytes are here", hint=AGAIN)
            header = parse_json(file.read(length))
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise WeightsError(f"{path.name} is not a safetensors file: its header is not JSON") from error
    if not isinstance(header, dict):
        raise WeightsError(f"{path.name} is not a safetensors file: its header names no tensors")
    metadata = header.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict):
        raise WeightsError(f"{path.name} is not a safetensors file: its metadata is not a table")
    entries = {name: _entry(path, name, value, 8 + length) for name, value in header.items()}
    _check_ends(path, entries, 8 + length, size)
    return metadata, entries


def _entry(path: Path, name: str, value: object, body: int) -> Entry:
    try:
        dtype, shape, (start, stop) = value["dtype"], tuple(value["shape"]), value["data_offsets"]
        whole = isinstance(dtype, str) and len(shape) <= MOST_DIMENSIONS
        whole = whole and all(type(number) is int and 0 <= number < LONGEST for number in (*shape, start, stop))
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise WeightsError(f"{path.name}: the header's entry for {name} is not readable", hint=AGAIN)
    if dtype not in DTYPES:
        raise WeightsError(f"{path.name}: {name} is stored as {dtype}, which prep does not read")
    if stop - start != math.prod(shape) * DTYPES[dtype][1]:
        raise WeightsError(f"{path.name}: {name} is {stop - start:,} bytes, which is not {dtype} {shown(shape)}")
    return Entry(dtype, shape, body + start, stop - start)


def _check_ends(path: Path, entries: dict[str, Entry], body: int, size: int) -> None:
    """Every tensor begins where another ends: no gaps, no overlaps, nothing beyond the end."""
    end = body
    for entry in sorted(entries.values(), key=lambda entry: (entry.start, entry.bytes)):
        if entry.start != end:
            raise WeightsError(f"{path.name}: the tensors in the header are not end to end", hint=AGAIN)
        end += entry.bytes
    if end > size:
        raise WeightsError(f"{path.name} is cut off: {size:,} of {end:,} bytes are here", hint=AGAIN)
    if end < size:
        raise WeightsError(f"{path.name} has {size - end:,} bytes that its header does not list", hint=AGAIN)
