"""Captions in the ledger: what prep wrote, and how the user changed it. Also reads a .txt."""

import codecs
import errno
import re
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

import pyarrow as pa

from prep.captions.parted import has_sentence
from prep.edits.in_form import begun_in_form, read
from prep.edits.merge import Hand, edited, items, key
from prep.errors import ImageError
from prep.files import NotAFileError, read_file
from prep.ledger import Shelf

CAPTION = Shelf(
    "caption",
    (
        pa.field("standing", pa.list_(pa.string())),  # texts that the files may still have if the run was killed
        pa.field("text", pa.string()),
        pa.field("source_text", pa.string()),  # the .txt beside the image in SRC, as last seen or written
        pa.field("machine", pa.list_(pa.string())),
        pa.field("added", pa.list_(pa.string())),
        pa.field("removed", pa.list_(pa.string())),
        pa.field("person", pa.string()),
        pa.field("verbatim", pa.bool_()),
        pa.field("step", pa.int64()),  # the last step of the history that is in this row
        pa.field("triggers", pa.int64()),  # how many of `machine` are trigger words; null: one
        pa.field("proof", pa.binary()),  # that `machine` is what a run would compose; see captions/compose.py
        pa.field("form", pa.string()),  # in a form: its name, the file's text, and the sentence in it
        pa.field("whole", pa.string()),
        pa.field("sentence", pa.string()),
        pa.field("own", pa.bool_()),
    ),
)
ENTRY = (
    "text",
    "machine",
    "added",
    "removed",
    "person",
    "verbatim",
    "standing",
    "source_text",
    "step",
    "triggers",
    "proof",
    "form",
    "whole",
    "sentence",
    "own",
)
LONGEST_BYTES = 1_000_000
# A BOM tells the encoding. The longer ones first: UTF-32's begins with UTF-16's.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BEFORE = re.compile(r"^[\s\ufeff]+")  # a second mark, written as text, would be taken for the first the next time


class Entry(NamedTuple):
    """One caption's row in the ledger."""

    hand: Hand
    expected_texts: tuple[str, ...] = ()  # texts that a file may still have after a kill; empty: both have this one
    source_text: str | None = None
    step: int = 0
    proof: bytes | None = None  # what hand.machine was remembered with

    @property
    def known(self) -> set[str]:
        """The texts that a file may have without the user having edited it."""
        return set(texts_of(self.hand.said, self.source_text, *self.expected_texts))

    @property
    def by_hand(self) -> bool:
        """Whether the user ever edited it."""
        return self.hand.person is not None

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
            "step": self.step,
            "triggers": hand.triggers,
            "proof": self.proof,
            "form": hand.form or None,
            "whole": hand.whole,
            "sentence": hand.sentence or None,
            "own": hand.own or None,
        }


def texts_of(*texts: str | None) -> tuple[str, ...]:
    """The texts that are not None, each once."""
    return tuple(dict.fromkeys(text for text in texts if text is not None))


def entry_of(
    text, machine, added, removed, person, verbatim, standing, source_text, step, triggers, proof, form, *in_form
) -> Entry:
    """The entry of a ledger row: its columns, in the order of ENTRY."""
    lists = tuple(map(intern, machine or ())), tuple(added or ()), tuple(removed or ())
    hand = Hand(text, *lists, person, bool(verbatim), triggers or 1)
    whole, sentence, own = in_form
    if form or own:  # a sentence of the user's is kept while captions are tags
        hand = hand._replace(form=form or "", whole=whole, sentence=sentence or "", own=bool(own))
    return Entry(hand, tuple(standing or ()), source_text, step or 0, proof)


def read_caption(path: Path, follow: bool = False) -> str | None:
    """The text of a sidecar without its BOM and without white space around it; None when there is no such file.

    UTF-8, or UTF-16 or UTF-32 with a BOM. follow: also through a link, whose target the caller has checked. Raises
    ImageError, kind `caption`, when it is in another encoding, or larger than 1 MB.
    """
    try:
        return caption_text(read_file(path, LONGEST_BYTES, follow))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except NotAFileError as error:
        raise ImageError("caption", f"its caption {error.strerror}", "put a file in its place") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # the image has no ending, and its name has the maximum length
            return None
        if error.errno == errno.EFBIG:
            raise ImageError("caption", f"its caption {error.strerror}", "make it shorter") from None
        raise ImageError("caption", f"its caption cannot be read ({error.strerror})", "check it") from None


def caption_text(data: bytes) -> str:
    """Raises ImageError, kind `caption`, when it is neither UTF-8 nor text with a BOM."""
    encoding = next((encoding for mark, encoding in MARKS if data.startswith(mark)), "utf-8")
    try:
        text = BEFORE.sub("", data.decode(encoding)).rstrip()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ImageError("caption", "its caption is not UTF-8", "save it as UTF-8")
    return text.replace("\r\n", "\n")


def absorb(entry: Entry, kohya: str | None, source: str | None) -> Entry:
    """The entry after reading both files: the .txt in kohya/ and the one beside the image in SRC.

    None: no such file. A missing file is not an edit: it is written again (in SRC only if the settings ask for it).
    """
    hand, expected = entry.hand, entry.expected_texts
    if kohya is not None and kohya not in (hand.said, *expected):
        hand = read(hand, kohya, _nearest(hand, kohya, hand.said, *expected))
    if source is not None and source not in (entry.source_text, *expected) and entry.hand.text is not None:
        # What changed in SRC since it was last read; the first time, what differs from the present caption.
        basis = hand.said if entry.source_text is None else entry.source_text
        after = read(hand, source, _nearest(hand, source, basis, *expected))
        # Whoever wrote a new .txt in SRC did not see the one in kohya/: what was added there is not removed here.
        hand = _with_added(after, hand) if entry.source_text is None else after
        expected = (*expected, kohya)  # which keeps its text until it is written
    # A text that no file has is forgotten: the next run may have other settings and be killed too.
    remaining = tuple(text for text in expected if text in (kohya, source) and text != hand.said)
    return entry._replace(
        hand=hand, expected_texts=remaining, source_text=entry.source_text if source is None else source
    )


def begun(entry: Entry, machine: tuple[str, ...], triggers: int = 1) -> Hand:
    """The state to merge from. A .txt that was in SRC before any caption of ours counts as written by hand; so does one
    in kohya/ that the ledger does not know, where it differs from the machine's caption.

    machine: the items of the machine's caption, of which the first `triggers` are trigger words.
    """
    hand = entry.hand
    ours = Hand(", ".join(machine), machine, triggers=triggers)
    if hand.text is None and entry.source_text is not None:
        after = edited(ours, entry.source_text)
        # The user wrote all of it: what prep's caption has as well stays when prep's loses it, as a trait for example.
        own = {key(item): item for item in items(entry.source_text)}
        own = {name: item for name, item in own.items() if name not in map(key, machine[:triggers])}
        return after._replace(added=tuple(own.values()))
    if hand.person is not None and not hand.machine and hand.form:
        return begun_in_form(hand, machine, triggers)
    if hand.person is not None and not hand.machine:
        return ours if hand.person == ours.text else edited(ours, hand.person)
    return hand


def _with_added(hand: Hand, before: Hand) -> Hand:
    there = {key(item) for item in hand.added}
    added = tuple(item for item in before.added if key(item) not in there)
    mine = {key(item) for item in added}
    removed = tuple(item for item in hand.removed if key(item) not in mine)
    return hand._replace(added=(*hand.added, *added), removed=removed)


def _nearest(hand: Hand, found: str, *bases: str | None) -> str | None:
    """The text that the user edited: the last one or, if a run was killed before writing it, an earlier one."""
    known = [text for text in bases if text is not None]
    if len(known) > 1:
        triggers, tags = hand.machine[: hand.triggers], items(hand.text or "")
        if has_sentence(found, triggers, tags):  # then so had the text that was edited
            known = [text for text in known if has_sentence(text, triggers, tags)] or known
    now = {key(item) for item in items(found)}
    return min(known, key=lambda basis: len(now ^ {key(item) for item in items(basis)}), default=None)
