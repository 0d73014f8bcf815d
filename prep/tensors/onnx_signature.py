"""What an ONNX network takes and gives, read from its file without onnxruntime: weights and nodes are skipped over.

The file is a protocol buffer: fields of a number, a wire type and a value, some of which are messages of fields again.
The numbers are those of onnx.proto.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from prep.errors import WeightsError

GRAPH, INITIALIZER, INPUT, OUTPUT = 7, 5, 11, 12  # of a model; of a graph
NAME, TYPE, TENSOR, KIND, SHAPE, DIM = 1, 2, 1, 1, 2, 1  # of what a graph takes and gives
INITIALIZER_NAME = 8
FLOAT = 1
VARINT, EIGHT_BYTES, MESSAGE, FOUR_BYTES = 0, 1, 2, 5
MOST_NAME = 1000  # bytes


@dataclass(frozen=True)
class Tensor:
    name: str
    shape: tuple[int | str, ...]  # a number, or a name for any; "" without a name
    kind: int  # FLOAT, or another of onnx.proto's

    def __str__(self) -> str:
        sides = ", ".join(str(side) or "?" for side in self.shape)
        return f"{self.name} [{sides}]" + ("" if self.kind == FLOAT else " which are no float32")


def signature(path: Path) -> tuple[list[Tensor], list[Tensor]]:
    """-> (what the network takes, what it gives). Raises WeightsError for a file that is damaged or cannot be read."""
    inputs, outputs, weights = [], [], set()
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            for number, place in _fields(file, 0, end):
                for part, (start, stop) in _fields(file, *place) if number == GRAPH else ():
                    if part == INITIALIZER:
                        weights.add(_text(file, start, stop, INITIALIZER_NAME))
                    elif part in (INPUT, OUTPUT):
                        (inputs if part == INPUT else outputs).append(_tensor(file, start, stop))
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, IndexError):
        raise WeightsError(f"{path.name} is damaged or cut off", hint="fetch the file again") from None
    if not outputs:
        raise WeightsError(f"{path.name} is damaged or cut off: it gives nothing", hint="fetch the file again")
    return [each for each in inputs if each.name not in weights], outputs  # old files list their weights as inputs


def _tensor(file: BinaryIO, start: int, stop: int) -> Tensor:
    kind, shape = 0, []
    for number, at in _fields(file, start, stop):
        for one, tensor in _fields(file, *at) if number == TYPE else ():
            for part, place in _fields(file, *tensor) if one == TENSOR else ():
                if part == KIND:
                    kind = place[0]
                elif part == SHAPE:
                    shape = [_side(file, *dim) for which, dim in _fields(file, *place) if which == DIM]
    return Tensor(_text(file, start, stop, NAME), tuple(shape), kind)


def _side(file: BinaryIO, start: int, stop: int) -> int | str:
    for number, place in _fields(file, start, stop):
        if number == 1:
            return place[0]
        if number == 2:
            return _read(file, *place)
    return ""


def _text(file: BinaryIO, start: int, stop: int, wanted: int) -> str:
    return next((_read(file, *place) for number, place in _fields(file, start, stop) if number == wanted), "")


def _read(file: BinaryIO, start: int, stop: int) -> str:
    file.seek(start)
    return file.read(min(stop - start, MOST_NAME)).decode("utf-8", "replace")


def _fields(file: BinaryIO, start: int, stop: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """(number, where its bytes are) of each field; of a varint (number, (value, 0)). Raises ValueError, IndexError."""
    at = start
    while at < stop:
        file.seek(at)
        head = file.read(20)  # two varints have at most so many bytes
        key, used = _varint(head, 0)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, used = _varint(head, used)
            at, found = at + used, (value, 0)
        elif wire in (EIGHT_BYTES, FOUR_BYTES):
            size = 8 if wire == EIGHT_BYTES else 4
            found = (at + used, at + used + size)
            at = found[1]
        elif wire == MESSAGE:
            size, used = _varint(head, used)
            found = (at + used, at + used + size)
            at = found[1]
        else:
            raise ValueError
        if at > stop:
            raise ValueError
        yield number, found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """(value, where the next begins): 7 bits per byte, the lowest first."""
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at
        if shift > 63:
            raise ValueError
