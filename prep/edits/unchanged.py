"""Which captions in kohya/ need not be read: those whose stat is as it was when they were last read.

Git's rule, as for pictures: a file that had changed less than 2 s before it was looked at is read again. The time of
the last change counts as well as mtime: an editor may keep size and mtime, but not that.
"""

from functools import cached_property
from hashlib import blake2b

import pyarrow as pa

from prep.book import Book
from prep.edits.listed import Stat
from prep.ledger import Ledger, Shelf
from prep.scan.measure import SETTLED_NS
from prep.shelved import Shelved

SIDECAR = Shelf(
    "sidecar",  # subject: image key
    (
        pa.field("bytes", pa.int64()),
        pa.field("mtime_ns", pa.int64()),
        pa.field("inode", pa.int64()),
        pa.field("changed_ns", pa.int64()),
        pa.field("text", pa.binary()),  # a digest of what the file had: exactly prep's bytes for that text
    ),
    made_again=True,
)
COLUMNS = tuple(field.name for field in SIDECAR.columns)
MANY = 4096  # rows to write at once


class Unchanged:
    """What was in each caption file, by the file's stat."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.new: dict[str, tuple] = {}
        self.forgot = False

    @cached_property
    def known(self) -> Shelved[tuple]:
        """Picture -> its row's columns."""
        return Shelved(self.ledger.book(SIDECAR), _row, COLUMNS)

    def forget(self) -> None:
        """All files are read again."""
        self.known = Shelved(Book(SIDECAR.schema.empty_table()), _row, COLUMNS)
        self.forgot = True

    def release(self) -> None:
        """Free what is known until it is asked for again: hours may pass."""
        if not self.forgot:
            self.__dict__.pop("known", None)

    def has(self, picture: str, stat: Stat, text: str) -> bool:
        """Whether a file with this stat is known to have exactly prep's bytes for this text."""
        before = self.known.get(picture)
        return before is not None and same_text(before, stat, text)

    def note(self, picture: str, stat: Stat, text: str, seen_ns: int) -> None:
        """The file had exactly prep's bytes for this text. stat: as it was before it was read, at seen_ns or later."""
        if stat.changed_ns and max(stat.mtime_ns, stat.changed_ns) + SETTLED_NS < seen_ns:
            self.new[picture] = (*stat, _digest(text))
            if len(self.new) == MANY:
                self.keep()

    def keep(self) -> None:
        """Write down what is new."""
        rows = [
            {"subject": picture, "recipe": ""} | dict(zip(COLUMNS, row, strict=True))
            for picture, row in self.new.items()
        ]
        if rows:
            self.ledger.write(SIDECAR, rows)
            self.known |= self.new
        self.new = {}


def same_text(row: tuple, stat: Stat, text: str) -> bool:
    """Whether a file with this stat has prep's bytes for this text. row: what is known of the file."""
    return row[:-1] == stat and row[-1] == _digest(text)


def _row(*columns: int | bytes) -> tuple:
    return columns


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
