"""Bending bytes: what every kind of file has in common. A seed gives the same bytes on every machine."""

import random
import struct
from collections.abc import Sequence

ODD_BYTES = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF)
ODD_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def bent(data: bytes, rng: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """One change: a bit, a byte, a number, a cut, a piece twice, gone or from another file."""
    if not data:
        return rng.randbytes(rng.randrange(1, 64))
    at = rng.randrange(len(data))
    size = min(rng.choice((1, 2, 4, 8, 64, 1024)), len(data) - at)
    match rng.randrange(9):
        case 0 | 1:
            return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        case 2:
            return data[:at] + bytes([rng.choice(ODD_BYTES)]) + data[at + 1 :]
        case 3:
            number = struct.pack(rng.choice("<>") + "I", rng.choice(ODD_NUMBERS))[: rng.choice((2, 4))]
            return data[:at] + number + data[at + len(number) :]
        case 4:
            return data[:at]
        case 5:
            return data[:at] + data[at : at + size] * rng.choice((2, 3, 50)) + data[at + size :]
        case 6:
            return data[:at] + data[at + size :]
        case 7:
            return data[:at] + rng.randbytes(size) + data[at + size :]
        case _:
            other = rng.choice(others or (data,))
            return data[:at] + other[rng.randrange(len(other) or 1) :]


def several(data: bytes, rng: random.Random, others: Sequence[bytes] = ()) -> bytes:
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        data = bent(data, rng, others)
    return data


def shuffled(parts: list, rng: random.Random) -> list:
    """Parts of a file: one gone, twice, or at another's place."""
    parts = list(parts)
    if len(parts) > 1:
        at, to = rng.randrange(len(parts)), rng.randrange(len(parts))
        match rng.randrange(3):
            case 0:
                del parts[at]
            case 1:
                parts.insert(to, parts[at])
            case _:
                parts[at], parts[to] = parts[to], parts[at]
    return parts
