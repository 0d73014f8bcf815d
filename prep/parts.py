"""One part of the ledger on disk: a parquet file that names its stage and contains a digest of itself.

Arrow trusts what it reads: a third to a half of flipped bits give other values without an error, and some may crash
the process. So a part's bytes are compared with its digest before Arrow sees them. The digest is in the footer's
key-value pairs, which other parquet readers ignore; parts without one, from an older prep, are read unchecked.
"""

import errno
import os
import re
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from prep.errors import StoppedError
from prep.files import PICTURE_BYTES, NotAFileError, read_file, write_whole

NAME = re.compile(r"(\d+)-.+-(\d+)\.parquet", re.ASCII)  # <run>-<worker>-<number>
STAGE, DIGEST = b"prep.stage", b"prep.blake2b"
DIGEST_BYTES = 32
BLANK = "0" * 2 * DIGEST_BYTES  # in the digest's place while the file is hashed
MARK = DIGEST + b"\x18\x40"  # as in the footer: the key, then a text of 64 letters

DAMAGED = (errno.EFBIG, errno.EIO)  # anything else, such as a missing permission, may be temporary


class DamagedError(Exception):
    """A part of the ledger is no longer what was written."""


class StrayError(DamagedError):
    """A part of another stage."""


def parts_in(folder: Path) -> list[Path]:
    """Sorted by run, worker and number. Files without a part's name, such as macOS' `._` files, are ignored.

    Raises StoppedError when something else is in the folder's place.
    """
    if not folder.is_dir() and os.path.lexists(folder):
        raise StoppedError(
            f"{folder} is not a folder; prep keeps a part of the ledger there",
            hint="move it away or rename it; what was in the folder is then done again, or read back",
        )
    return sorted(path for path in folder.glob("*.parquet") if NAME.fullmatch(path.name))


def run_of(part: Path) -> int:
    """The run's number; 0 for a file without a part's name."""
    found = NAME.fullmatch(part.name)
    return int(found[1]) if found and len(found[1]) < 10 else 0


def number_of(part: Path) -> int:
    found = NAME.fullmatch(part.name)
    return int(found[2]) if found and len(found[2]) < 10 else 0


def write_part(table: pa.Table, path: Path) -> None:
    """The folder is named after the stage. Raises like write_whole."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({STAGE.decode(): path.parent.name, DIGEST.decode(): BLANK})
    data = memoryview(sink.getvalue())
    before, after = _around(data)

    def write(target: Path) -> None:
        with target.open("wb") as file:
            file.writelines((before, _digest(before, after), after))

    write_whole(path, write, sync=True)


def read_part(part: Path, names: Sequence[str] | None = None) -> pa.Table:
    """Raises DamagedError, or StoppedError if reading may succeed later.

    names: columns to read, if it has all of them. Otherwise, and by default, all columns are read.
    """
    try:
        data = read_file(part, PICTURE_BYTES)
    except OSError as error:
        if isinstance(error, NotAFileError) or error.errno in DAMAGED:
            raise DamagedError(error.strerror) from None
        name = f"{part.parent.name}/{part.name}"
        hint = "check its permissions and the disk, then run again"
        raise StoppedError(f"{name} in the ledger cannot be read ({error.strerror})", hint) from None
    known = _verified(data)
    try:
        # Not read_table: it would load Arrow's dataset layer and pandas, a fifth of a second.
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            there = names is not None and set(names) <= {*file.schema_arrow.names}
            # Arrow's threads may abort a process that ends while they are starting.
            table = file.read([*names] if there else None, use_threads=False)
        if not known:  # invalid text would raise later, when a row is read
            table.validate(full=True)
    except MemoryError:
        raise
    except (OSError, pa.ArrowException, ValueError) as error:
        raise DamagedError(str(error).splitlines()[0]) from None
    stage = (table.schema.metadata or {}).get(STAGE, b"").decode("utf-8", "replace")
    if stage and stage != part.parent.name:
        raise StrayError(f"it is a part of {stage}")
    return table.replace_schema_metadata(None)


def _verified(data: bytes) -> bool:
    """False if it has no digest. Raises DamagedError if the digest does not match."""
    around = _around(memoryview(data))
    if not around:
        return False
    before, after = around
    if data[len(before) : len(before) + 2 * DIGEST_BYTES] != _digest(before, after):
        raise DamagedError("its bytes are not those that were written")
    return True


def _around(data: memoryview) -> tuple[memoryview, memoryview] | None:
    """The bytes before and after the digest; None if there is none."""
    footer_bytes = int.from_bytes(data[-8:-4], "little")
    start = max(0, len(data) - 8 - footer_bytes)
    at = bytes(data[start:]).rfind(MARK)
    if at < 0:
        return None
    begins = start + at + len(MARK)
    return data[:begins], data[begins + 2 * DIGEST_BYTES :]


def _digest(before: memoryview, after: memoryview) -> bytes:
    found = blake2b(digest_size=DIGEST_BYTES)
    for piece in (before, BLANK.encode(), after):
        found.update(piece)
    return found.hexdigest().encode()
