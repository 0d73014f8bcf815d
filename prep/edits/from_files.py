"""What the user did in kohya/ and to the .txt files in SRC: one source of edits, read before anything is written.

The order makes a kill at any moment safe: edits are in the ledger before a file changes; a caption is in the ledger,
with the file's present text, before it is written; and only written captions are confirmed. Right before a caption is
overwritten, the file is read once more: somebody may have saved it just now.
"""

import errno
import os
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prep.aside import set_aside
from prep.blocks import batched
from prep.edits.decisions import Decisions
from prep.edits.in_form import retold
from prep.edits.listed import Stat
from prep.edits.merge import Hand, merged, source
from prep.edits.placed import Placement
from prep.edits.sidecar import CAPTION, LONGEST_BYTES, Entry, absorb, begun, caption_text, texts_of
from prep.edits.sources import read_sources
from prep.edits.unchanged import Unchanged, same_text
from prep.errors import ImageError
from prep.files import NotAFileError, read_file, write_whole
from prep.index import Hashes
from prep.ledger import FLUSH_ROWS
from prep.process.heap import trim
from prep.run import image_key
from prep.types import Problem, Row

BY = "files"  # who decided, as the history records it
OVERRULED = "had another sentence than the .txt beside the picture in SRC, which counts"


class HandEdits:
    """What the files say, compared with what was last written. `look` reads them."""

    def __init__(self, decisions: Decisions, placement: Placement, src: Path, out: Path, in_source: bool) -> None:
        """in_source: whether prep also writes a .txt beside each image in SRC."""
        self.decisions = decisions
        self.placement = placement
        self.src = src
        self.out = out
        self.in_source = in_source
        self.unchanged = Unchanged(decisions.ledger)
        self.unreadable: dict[
            str, tuple[Path, str]
        ] = {}  # picture -> its caption file in kohya/, and what is wrong with it
        self.unread_sources: set[str] = set()  # pictures whose .txt in SRC cannot be read: they do not train
        self.excluded: set[str] = set()  # removed by hand, or excluded by a command
        self.says_else: dict[str, str] = {}  # picture -> its file's text, which a killed run did not replace
        self._standing = Hashes()  # (picture, its file's exact text)
        self._places: dict[Path, list[str]] = {}  # caption file -> pictures that it belongs or belonged to
        self._one_at_a_time = Lock()

    def stands(self, picture: str, text: str) -> bool:
        """Whether the caption file had exactly this text when it was read."""
        return (picture, text) in self._standing

    def entry(self, row: Row) -> Entry:
        return self.decisions.entry(image_key(row))

    def hand(self, row: Row) -> Hand:
        """The state to merge prep's caption into."""
        return begun(self.entry(row), row.caption.items, row.caption.triggers)

    def look(self, rows: Sequence[Row]) -> dict[str, Problem]:
        """Read all captions in kohya/ and SRC, also of images that this run leaves out: the ledger keeps their edits.

        -> path -> why its caption in SRC could not be read, or does not count.
        """
        beside = read_sources(self.src, rows)
        self.unread_sources = beside.unread
        moved, known = self.placement.moved(), self.placement.known
        pictures = chain(known, known.lacks(image_key(row) for row in rows if not row.ref.problem))
        changed: dict[str, Entry] = {}
        self.unreadable.clear()
        self._standing.clear()
        self._places.clear()
        self.says_else.clear()
        # First by their stat: of most, nothing has to be read, and no entry made.
        pictures = sorted({*self._to_read((each for each in pictures if each not in moved), beside.texts)})
        for picture, before in zip(pictures, self.decisions.entries(pictures), strict=True):
            text, other = self._in_kohya(picture), beside.texts.get(picture)
            after = absorb(before, text, other)
            if None not in (text, other) and _overruled(before, text, other, after):
                self.unreadable[picture] = self.placement.sidecar(self.placement[picture]), OVERRULED
            if text not in (None, after.hand.said):
                self.says_else[picture] = text
            if after != before:
                changed[picture] = after
        if changed:
            self.decisions.keep(changed, BY)
        self.unchanged.keep()
        trim()
        return beside.problems

    def note_removals(self, pictures: Iterable[str], restore: bool = False) -> None:
        """Remember images that the user removed from kohya/, until they are put back or restored.

        pictures: those that belong there.
        """
        verdicts: dict[str, str | None] = {}
        states: dict[str, list[str]] = defaultdict(list)
        now, listings = self.decisions.verdicts(), self.placement.listings
        for picture, placed in self.placement.known.beside(pictures):
            there = placed is not None and self.placement.there(placed)
            if now.get(picture) == "excluded":
                back = there and placed.state == "excluded"  # put back into its folder
                if back or restore:
                    verdicts[picture] = None
                    states["placed" if back else "unplaced"].append(picture)
                    self.excluded.discard(picture)
                else:
                    self.excluded.add(picture)
            elif placed is not None and not there and placed.state == "placed" and placed.group in listings:
                if restore:
                    states["unplaced"].append(picture)
                elif not self.placement.converted(placed):
                    verdicts[picture] = "excluded"
                    states["excluded"].append(picture)
                    self.excluded.add(picture)
        self.decisions.decide(verdicts, BY)
        for state, pictures in states.items():
            self.placement.mark(pictures, state)

    def announce(self, rows: Iterable[Row]) -> None:
        """Record which captions are about to be written, and what the files say until then."""
        with self.decisions.ledger.writer(CAPTION) as ledger:
            for block in batched(row for row in rows if row.status == "kept" and row.final_text is not None):
                entries = self.decisions.entries(map(image_key, block))
                for intent in filter(None, map(self._intent, block, entries)):
                    ledger.append(intent)

    def confirm(self) -> None:
        """Record that the announced captions are written: from now on, other text in a file is the user's edit."""
        ledger = self.decisions.ledger
        table = ledger.table(CAPTION, before=_standing(self.decisions.book.table))
        with ledger.writer(CAPTION) as writer:
            for row in _rows(_standing(table).to_batches(FLUSH_ROWS)):
                writer.append(row | {"standing": []})

    def look_at_written(self, rows: Iterable[Row]) -> None:
        """Read the captions that are in kohya/ now, but for those that are known to be so: the next look need not."""
        for row in rows:
            placed = self.placement[image_key(row)] if row.final_text is not None else None
            if placed is None or (folder := self.placement.folder(placed.group)) is None:
                continue
            path, seen_ns = folder / f"{placed.stem}.txt", time.time_ns()
            with suppress(OSError, ImageError):  # gone, or no caption: the next look says so
                stat = Stat.of(path.lstat())
                if self.unchanged.has(image_key(row), stat, row.final_text):
                    continue
                data = read_file(path, LONGEST_BYTES)
                if data == caption_bytes(row.final_text) and caption_text(data) == row.final_text:
                    self.unchanged.note(image_key(row), stat, row.final_text, seen_ns)
        self.unchanged.keep()

    def write(self, path: Path, row: Row) -> tuple[Row, bool]:
        """Write the row's caption unless the file has it already. -> (the row with the final caption, whether written).

        UTF-8 without a BOM, no newline at the end; an empty caption is a lone newline, since sd-scripts rejects a file
        of 0 bytes. What the user saved since `look` is merged first. A file that cannot be read is set aside, but in
        SRC left alone: nothing is moved there.
        """
        in_kohya = path.is_relative_to(self.out)
        try:
            data = read_file(path, LONGEST_BYTES)
            if data == caption_bytes(row.final_text):
                return row, False
            text = caption_text(data)
        except FileNotFoundError:
            text = None
        except (ImageError, OSError) as error:
            if not in_kohya:
                return row, False
            with self._one_at_a_time:
                set_aside(self.out, path, why_unread(error), self.decisions.ledger)
            text = None
        if text is not None and text != row.final_text:
            with self._one_at_a_time:
                if not (in_kohya and text in self._known_there(path)):
                    row = self._with_what_was_saved(row, text, in_kohya)
        write_whole(path, caption_bytes(row.final_text))
        return row, True

    def says(self, path: Path, texts: Iterable[str]) -> bool:
        """Whether a caption file is missing or has one of these texts."""
        try:
            return caption_text(read_file(path, LONGEST_BYTES)) in texts
        except FileNotFoundError:
            return True
        except (ImageError, OSError):
            return False

    def set_unreadable_aside(self) -> None:
        """Set unreadable captions in kohya/ aside, to make room for prep's own."""
        for path, why in self.unreadable.values():
            if os.path.lexists(path):
                set_aside(self.out, path, why, self.decisions.ledger)
        self.unreadable.clear()

    def _known_there(self, path: Path) -> set[str]:
        """The texts that prep may have written to a caption file, under an older name as well."""
        if not self._places:
            for picture, placed in self.placement.known.items():
                if folder := self.placement.folder(placed.group):
                    self._places.setdefault(folder / f"{placed.stem}.txt", []).append(picture)
        return {text for picture in self._places.get(path, ()) for text in self.decisions.entry(picture).known}

    def _with_what_was_saved(self, row: Row, text: str, in_kohya: bool) -> Row:
        picture = image_key(row)
        entry = self.entry(row)
        if text in entry.known:
            return row
        hand = self.hand(row)
        machine = {"machine": row.caption.items, "triggers": row.caption.triggers}
        now = entry._replace(hand=_written(Hand(**machine), row) if hand.text is None or hand.form else hand)
        after = absorb(now, text if in_kohya else None, None if in_kohya else text)
        listed = merged(begun(after, *machine.values()), *machine.values())
        if after.hand.form:
            told = retold(after.hand._replace(**machine), listed, after.hand.sentence if after.hand.own else None)
            written, final = told, told.said
        else:
            written, final = after.hand._replace(text=listed, **machine), listed
        # Until the files are written, they keep the text that was found in them.
        before = texts_of(text, row.final_text, entry.hand.said, entry.source_text, *after.expected_texts)
        kept = after._replace(
            hand=written,
            expected_texts=before,
            source_text=final if self.in_source else after.source_text,
            proof=row.caption.proof,
        )
        self.decisions.keep({picture: kept}, BY)
        return row._replace(final_text=final, caption_source=source(written, written.text))

    def _intent(self, row: Row, entry: Entry) -> dict[str, Any] | None:
        """The caption's row for the ledger, if it is not there yet."""
        machine = {"machine": row.caption.items, "triggers": row.caption.triggers}
        hand = _written(begun(entry, **machine)._replace(**machine), row)
        after = entry._replace(
            hand=hand,
            expected_texts=(),
            source_text=row.final_text if self.in_source else entry.source_text,
            proof=row.caption.proof,
        )
        if after == entry:
            return None
        if after == entry._replace(proof=after.proof):  # other settings, the same caption: no file changes
            return after.row(image_key(row))
        before = texts_of(*entry.expected_texts, entry.hand.said, entry.source_text)
        return after._replace(expected_texts=before).row(image_key(row))

    def _to_read(self, pictures: Iterable[str], asked: Collection[str]) -> Iterator[str]:
        """Those whose caption file may have changed, and those that are asked for."""
        newer = self.decisions.newer()
        for block in batched(pictures):
            known = zip(
                block, self.decisions.settled(block, newer), self.placement.known.of(block),
                self.unchanged.known.of(block), strict=True,
            )  # fmt: skip
            for picture, text, placed, before in known:
                # Of most it is known, by the stat, that their file has this text still.
                stat = self.placement.sidecar_stat(placed) if placed else None
                as_it_was = None not in (text, stat, before) and same_text(before, stat, text)
                if picture in asked or not as_it_was:
                    yield picture
                else:
                    self._standing.add((picture, text))

    def _in_kohya(self, picture: str) -> str | None:
        placed = self.placement[picture]
        path = self.placement.sidecar(placed) if placed else None
        if path is None:
            return None
        try:
            data = read_file(path, LONGEST_BYTES)
            text = caption_text(data)
        except FileNotFoundError:
            return None
        except (ImageError, OSError) as error:
            self.unreadable[picture] = path, why_unread(error)
            return None
        if data == caption_bytes(text):
            self._standing.add((picture, text))
            self.unchanged.note(picture, self.placement.sidecar_stat(placed), text, self.placement.seen_ns)
        return text


def _standing(captions: pa.Table) -> pa.Table:
    """Those whose files may still have another text."""
    return captions.filter(pc.greater(pc.list_value_length(captions["standing"]), 0))


def _written(hand: Hand, row: Row) -> Hand:
    """The state once the row's caption is in its file."""
    if row.worded is None:
        return hand._replace(text=row.final_text, form="", whole=None, sentence=hand.sentence if hand.own else "")
    form, listed, sentence, own = row.worded[:4]
    return hand._replace(text=listed, form=form, whole=row.final_text, sentence=sentence, own=own)


def _overruled(before: Entry, text: str, other: str, after: Entry) -> bool:
    """Whether the user changed the sentence in both files, so that only one can stay."""
    if text in before.known or other in before.known or not after.hand.own:
        return False
    alone = absorb(before, text, None).hand
    return alone.own and alone.sentence != after.hand.sentence


def why_unread(error: ImageError | OSError) -> str:
    if isinstance(error, ImageError):
        return error.message
    if isinstance(error, NotAFileError) or error.errno == errno.EFBIG:
        return f"its caption {error.strerror}"
    return f"its caption cannot be read ({error.strerror})"


def caption_bytes(text: str) -> bytes:
    return (text or "\n").encode("utf-8", "backslashreplace")


def _rows(batches: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        yield from batch.to_pylist()
