"""Captions in the ledger: what was written, and what a person made of it. And reading a .txt."""

import errno
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from prep.edits.merge import Hand, edited, items, key
from prep.errors import ImageError
from prep.ledger import Shelf

CAPTION = Shelf(
    "caption",
    (
        pa.field("standing", pa.list_(pa.string())),  # what the files may still say if the run was killed
        pa.field("text", pa.string()),
        pa.field("source_text", pa.string()),  # the .txt beside the image in SRC, as last seen or written
        pa.field("machine", pa.list_(pa.string())),
        pa.field("added", pa.list_(pa.string())),
        pa.field("removed", pa.list_(pa.string())),
        pa.field("person", pa.string()),
        pa.field("verbatim", pa.bool_()),
    ),
)
LONGEST_BYTES = 1_000_000


@dataclass(frozen=True)
class Entry:
    """One caption's row in the ledger."""

    hand: Hand
    expected_texts: tuple[str, ...] = ()  # what a file may still say after a kill; empty: both say what is here
    source_text: str | None = None

    def row(self, subject: str) -> dict[str, Any]:
        hand = self.hand
        return {
            "subject": subject,
            "recipe": "",
            "standing": self.expected_texts,
            "text": hand.text,
            "source_text": self.source_text,
            "machine": hand.machine,
            "added": hand.added,
            "removed": hand.removed,
            "person": hand.person,
            "verbatim": hand.verbatim,
        }


def entry_of(row: dict[str, Any] | None) -> Entry:
    """The entry in a row of the ledger; an empty one for a caption that was never written."""
    if row is None:
        return Entry(Hand())
    hand = Hand(
        row["text"],
        tuple(row["machine"] or ()),
        tuple(row["added"] or ()),
        tuple(row["removed"] or ()),
        row["person"],
        bool(row["verbatim"]),
    )
    return Entry(hand, tuple(row["standing"] or ()), row["source_text"])


def read_caption(path: Path) -> str | None:
    """The text of a sidecar without a BOM and without white space around it; None when there is no such file.

    Raises ImageError, kind `caption`, when it is no UTF-8 or larger than 1 MB: such a file is left alone.
    """
    try:
        if path.stat().st_size > LONGEST_BYTES:
            raise ImageError("caption", f"its caption has more than {LONGEST_BYTES:,} bytes and was not read")
        return path.read_bytes().decode("utf-8-sig").strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # the image has no ending, and its name is as long as a name may be
            return None
        raise ImageError("caption", f"its caption cannot be read ({error.strerror})", "check it") from None
    except UnicodeDecodeError:
        raise ImageError("caption", "its caption is not UTF-8; it was left alone", "save it as UTF-8") from None


def absorb(entry: Entry, kohya: str | None, source: str | None) -> Entry:
    """The entry after looking at both files: the .txt in kohya/ and the one beside the image in SRC.

    None: no such file. A missing file is no edit: it is written again (in SRC only if that was asked for).
    """
    hand, expected = entry.hand, entry.expected_texts
    if kohya is not None and kohya not in (hand.text, *expected):
        hand = edited(replace(hand, text=_nearest(kohya, hand.text, *expected)), kohya)
    if source is not None and source not in (entry.source_text, *expected) and hand.text is not None:
        # What changed in SRC since it was last seen; at first sight, what differs from the caption so far.
        basis = hand.text if entry.source_text is None else entry.source_text
        hand = edited(replace(hand, text=_nearest(source, basis, *expected)), source)
    # A text that no file has is forgotten: the next run may have other settings, and be killed too.
    remaining = tuple(text for text in expected if text in (kohya, source) and text != hand.text)
    return Entry(hand, remaining, entry.source_text if source is None else source)


def begun(entry: Entry, machine: tuple[str, ...]) -> Hand:
    """The state to merge from. A .txt that stood in SRC before any caption of ours is taken as written by hand."""
    if entry.hand.text is None and entry.source_text is not None:
        return edited(Hand(", ".join(machine), machine), entry.source_text)
    return entry.hand


def _nearest(found: str, *bases: str | None) -> str | None:
    """What a person edited: the last text, or, where a run was killed before it was written, one before it."""
    known = [text for text in bases if text is not None]
    now = {key(item) for item in items(found)}
    return min(known, key=lambda basis: len(now ^ {key(item) for item in items(basis)}), default=None)
