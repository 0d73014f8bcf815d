"""The user's decisions follow a picture to another character, another file format or another version of the file.

A picture is recognised by its bytes, else by its pixels, else by its path in SRC. Decisions move only when their
picture is gone, and only to a new picture that has none: a picture that two characters share keeps two captions.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prep.blocks import batched
from prep.book import Book
from prep.edits.decisions import Decisions
from prep.edits.history import MOVED, Change, Verdict
from prep.edits.in_form import read, retagged, retold
from prep.edits.merge import Hand, items, key
from prep.edits.placed import Placement
from prep.edits.sidecar import CAPTION, Entry, texts_of
from prep.jobs.draw import DRAW
from prep.ledger import Ledger, Shelf
from prep.names import is_made_group
from prep.run import image_key
from prep.scan.measure import path_key
from prep.shelved import Shelved
from prep.types import Row

PICTURE = Shelf(
    "picture",  # subject: image key
    (
        pa.field("path", pa.string()),
        pa.field("pixels", pa.string()),
        pa.field("here", pa.bool_()),  # whether it was in SRC at the last run
        pa.field("became", pa.string()),  # image key: the picture that its decisions moved to
    ),
)


class Known(NamedTuple):
    """PICTURE's columns."""

    path: str
    pixels: str
    here: bool
    became: str | None


@dataclass(frozen=True)
class Followed:
    """What became of decisions whose picture has moved or gone."""

    moved: dict[str, str]  # picture -> what it was before
    lost: tuple[str, ...]  # pictures that are gone, with decisions about them


def follow(rows: Sequence[Row], decisions: Decisions, placement: Placement, ledger: Ledger) -> Followed:
    """Move decisions along with their pictures, and remember how to recognise the pictures next time.

    rows: all of SRC, judged or not.
    """
    book = ledger.book(PICTURE)
    known = Shelved(book, Known, Known._fields)
    columns = book.table.filter(pc.is_valid(book.table["became"])).select(["subject", "became"]).columns
    became = dict(zip(*(column.to_pylist() for column in columns), strict=True))
    decided = decisions.by_hand() | placement.known.where("hand", True).keys()
    present, gone, differs = _compared(rows, known, book, {*decided, *became.values()})
    for old in sorted((decided & set(became)) - set(present)):
        new = became[old]
        if new not in present:
            continue
        if new in decided:  # saved in its old file while a run had already moved it
            move_late(decisions, old, new)
        else:
            move(decisions, placement, old, new, _sha256(old) == _sha256(new) or _same(known, old, present[new]))
        decided = decided - {old} | {new}
    drawn = _drawn(ledger, placement)
    orphans = sorted(subject for subject in decided - set(present) if _sha256(subject) not in drawn)
    # Nothing was decided about them so far; for each kind the last one counts.
    vanished = sorted({subject for subject, was in gone.items() if was.here} - set(orphans))
    free = [row for row, was in _known_of(rows, known) if not (was and was.here)] if vanished or orphans else []
    free = {subject: row for row in free if (subject := image_key(row)) not in decided}
    matched = _matched(free, [*vanished, *orphans], known)
    moved = {new: old for new, old in matched.items() if old in orphans}
    for new, old in moved.items():
        move(decisions, placement, old, new, _sha256(old) == _sha256(new) or _same(known, old, free[new].ref.pixels))
    _know_again(decisions, {new: old for new, old in matched.items() if old not in orphans})
    successors = became | {old: new for new, old in matched.items()}
    with ledger.writer(PICTURE) as writer:
        for subject, was in gone.items():
            now = Known(was.path, was.pixels, False, successors.get(subject))
            if now != was:
                writer.append({"subject": subject, "recipe": "", **now._asdict()})
        for row, was in _known_of(rows, known) if differs else ():
            now = _now(row)
            if now != was:
                writer.append({"subject": image_key(row), "recipe": "", **now._asdict()})
    followed = set(moved.values())
    return Followed(moved, tuple(subject for subject in orphans if subject not in followed))


def _known_of(rows: Iterable[Row], known: Shelved[Known]) -> Iterator[tuple[Row, Known | None]]:
    """Each picture of SRC, and what is known of it."""
    for block in batched(_pictures(rows)):
        yield from zip(block, known.of(map(image_key, block)), strict=True)


def _pictures(rows: Iterable[Row]) -> Iterator[Row]:
    """Each picture of SRC once. Unreadable files with the same bytes lie beside each other, and none is a copy: the
    last one counts.
    """
    files = (row for row in rows if row.status != "duplicate" and row.ref.sha256)
    for _, same in groupby(files, key=image_key):
        *_, last = same
        yield last


def _now(row: Row) -> Known:
    return Known(path_key(row.ref.path), row.ref.pixels, True, None)


def _compared(
    rows: Iterable[Row], known: Shelved[Known], book: Book, asked: Collection[str]
) -> tuple[dict[str, str], dict[str, Known], bool]:
    """-> (of the pictures in SRC that are asked for, their pixels' hash; what is known of those that are gone; whether
    something else is to be known of those that are here).
    """
    there, differs = np.zeros(len(book), bool), False
    present: dict[str, str] = {}
    for block in batched(_pictures(rows)):
        subjects = list(map(image_key, block))
        places = book.places(subjects)
        there[places[places >= 0]] = True
        present |= {at: row.ref.pixels for at, row in zip(subjects, block, strict=True) if at in asked}
        differs = differs or any(_now(row) != was for row, was in zip(block, known.of(subjects), strict=True))
    gone = book.columns["subject"].filter(pa.array(~there)).to_pylist()
    return present, dict(zip(gone, known.of(gone), strict=True)), differs


def _know_again(decisions: Decisions, pairs: Mapping[str, str]) -> None:
    """A .txt that prep wrote beside an image in SRC stays prep's when both have moved to another folder.

    pairs: picture -> what it was before; there is no decision about either.
    """
    known = {}
    for new, old in pairs.items():
        entry, before = decisions.entry(new), decisions.entry(old)
        if entry.hand.text is None and entry.source_text is not None and entry.source_text in before.known:
            known[new] = entry._replace(hand=before.hand)
    if known:
        decisions.keep(known, MOVED)


def _matched(free: Mapping[str, Row], orphans: list[str], known: Mapping[str, Known]) -> dict[str, str]:
    """Picture -> the orphaned picture that it was before."""
    if not free:
        return {}
    by_sha256 = {_sha256(orphan): orphan for orphan in orphans}
    by_pixels = {known[orphan].pixels: orphan for orphan in orphans if orphan in known and known[orphan].pixels}
    by_path = {known[orphan].path: orphan for orphan in orphans if orphan in known}
    lay: dict[str, set[str]] = {row.ref.sha256: set() for row in free.values()}  # sha256 -> the paths it was seen at
    for subject, was in known.items():
        if (sha256 := _sha256(subject)) in lay:
            lay[sha256].add(was.path)

    def new_here(row: Row) -> str | None:
        """Its path, unless it was elsewhere before: then it took another picture's name."""
        path = path_key(row.ref.path)
        return None if lay[row.ref.sha256] - {path} else path

    moved: dict[str, str] = {}
    taken: set[str] = set()
    for index, name in (
        (by_sha256, lambda row: row.ref.sha256),
        (by_pixels, lambda row: row.ref.pixels),
        (by_path, new_here),
    ):
        for subject, row in free.items():
            orphan = index.get(name(row))
            if orphan and subject not in moved and orphan not in taken:
                moved[subject] = orphan
                taken.add(orphan)
    return moved


def move(decisions: Decisions, placement: Placement, old: str, new: str, same_picture: bool) -> None:
    """Move the decisions about one picture to another, as one step of the history.

    same_picture: a version that the user retouched in kohya/ moves as well.
    """
    entry, target = decisions.entry(old), decisions.entry(new)
    # The .txt in SRC moved along, and the new picture's caption in kohya/ is prep's.
    now = target._replace(hand=entry.hand, source_text=entry.source_text,
                  expected_texts=texts_of(target.hand.said, *target.expected_texts))  # fmt: skip
    _keep(decisions, {new: now, old: _left(entry, entry.expected_texts)}, {new: decisions.verdict(old), old: None})
    placed = placement[old]
    same_file = _sha256(old) == _sha256(new)
    if placed and (placed.hand and same_picture or same_file) and new not in placement.known:
        gone = placed.taken_out() if placed.hand else placed
        placement.update({new: placed, old: gone._replace(state="unplaced")})


def move_late(decisions: Decisions, old: str, new: str) -> None:
    """Merge what the user did to a picture's old files, after its decisions had moved, into what it is now."""
    before, entry = decisions.entry(old), decisions.entry(new)
    late, after = before.hand, entry.hand
    if late.person is not None and (late.verbatim or not late.person.strip()):
        after = read(after, late.said or "")
    elif late.person is not None:
        out, there = set(map(key, late.removed)), items(after.text or "")
        stays = [item for item in there if key(item) not in out]
        came = [item for item in late.added if key(item) not in map(key, there)]
        after = retagged(after, ", ".join([*stays, *came]))
        if late.own:
            after = retold(after, after.text or "", late.sentence)
    now = entry._replace(hand=after, expected_texts=texts_of(entry.hand.said, *entry.expected_texts))
    _keep(decisions, {new: now, old: _left(before)}, {new: decisions.verdict(old) or decisions.verdict(new), old: None})


def _left(entry: Entry, expected: tuple[str, ...] = ()) -> Entry:
    """What a picture leaves behind: the text in its file is not an edit, until that file is removed."""
    hand = entry.hand
    left = Hand(hand.text, hand.machine, triggers=hand.triggers, form=hand.form, whole=hand.whole)
    return Entry(left._replace(sentence=hand.sentence), expected)


def _keep(decisions: Decisions, entries: Mapping[str, Entry], verdicts: Mapping[str, Verdict | None]) -> None:
    """Captions and verdicts of two pictures as one step, then as rows."""
    captions = [Change("caption", picture, decisions.entry(picture).hand, now.hand) for picture, now in entries.items()]
    judged = [Change("verdict", picture, decisions.verdict(picture), now) for picture, now in verdicts.items()]
    decisions.history.record(MOVED, [*captions, *judged])
    rows = {picture: now._replace(step=decisions.history.newest) for picture, now in entries.items()}
    decisions.ledger.write(CAPTION, [now.row(picture) for picture, now in rows.items()])
    decisions.changed |= rows


def _sha256(picture: str) -> str:
    return picture.rpartition("/")[2]


def _same(known: Mapping[str, Known], old: str, pixels: str) -> bool:
    return bool(pixels) and old in known and known[old].pixels == pixels


def _drawn(ledger: Ledger, placement: Placement) -> set[str]:
    """sha256 of all pictures that prep made: none of them is in a row of SRC."""
    placed = {_sha256(subject) for subject, placed in placement.known.items() if is_made_group(placed.group)}
    return placed | {sha256 for (sha256,) in ledger.values(DRAW, "sha256")}
