"""Restore lost parts of the ledger from the manifest and from kohya/.

The manifest says what the last run left; what the user did since is in the history and in the files themselves. This
runs only when parts could not be read or were deleted, and changes nothing that the ledger still knows.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prep.aside import is_lost
from prep.dataset.finished import base_of
from prep.dataset.rows import manifest_columns, manifest_facts, manifest_rows
from prep.edits.decisions import Decisions
from prep.edits.from_files import HandEdits
from prep.edits.history import EDIT, READ_BACK, Verdict
from prep.edits.merge import Hand, edited, items
from prep.edits.placed import EXPORT, LEFT_OUT, REPEATS, Placed
from prep.edits.sidecar import CAPTION, Entry
from prep.edits.sources import read_sources
from prep.errors import ImageError, UsageError
from prep.files import PICTURE_BYTES, read_file
from prep.images import open_image, pixel_hash
from prep.index import Hashes
from prep.ledger import Ledger, Shelf
from prep.names import printable, slug_of_group, slugs, stem_slug
from prep.run import image_key
from prep.types import BY_HAND, Row

Told = dict[str, dict[str, Any]]  # image key -> its row in the manifest
COLUMNS = ("image_id", "character", "status", "reason", "flags", "file", "caption", "caption_source")
PLACE = re.compile(r"kohya/\d+_([^/]+)/([^/]+)")
NAMED = re.compile(r"(.+)-([0-9a-f]{12})\.(?:png|jpg|webp)")  # the name holds the content's hash


def read_back(edits: HandEdits, rows: Sequence[Row], given: Mapping[str, str]) -> tuple[str, ...]:
    """Call before anything else is read. rows: of SRC. given: character -> its name in folders.

    -> the names of shelves that somebody deleted and that are there again.
    """
    ledger, out = edits.decisions.ledger, edits.out
    deleted = deleted_shelves(out, ledger)
    lost = {shelf for shelf in (CAPTION, EXPORT, EDIT, REPEATS) if shelf in deleted or is_lost(out, ledger, shelf)}
    if any(_is_forgotten(edits.decisions, picture) for picture in _by_hand(out, given)):
        lost.add(EDIT)
    if not lost:
        return ()
    before = _by_picture(out, given)
    if lost & {EXPORT, REPEATS}:
        _read_folders(edits, rows, given, before)
    if lost & {EXPORT, EDIT}:
        decided = dict(_verdicts(edits, before))
        edits.decisions.decide(decided, READ_BACK)
        if decided and not is_lost(out, ledger, EDIT):
            deleted.append(EDIT)
    if CAPTION in lost:
        sources = read_sources(edits.src, rows).texts
        found = dict(_captions(edits, before, sources, _form(edits.out)))
        entries = (entry.row(picture) for picture, entry in found.items() if picture not in edits.decisions.book)
        ledger.write(CAPTION, entries)
        edits.decisions.changed |= found
    return tuple(shelf.name for shelf in deleted)


def deleted_shelves(out: Path, ledger: Ledger) -> list[Shelf]:
    """Those of captions and exports that have no part, although pictures train: somebody deleted them."""
    empty = [shelf for shelf in (CAPTION, EXPORT) if not ledger.parts(shelf)]
    with suppress(FileNotFoundError, UsageError):
        if empty and pc.any(pc.equal(manifest_columns(out, ("status",))["status"], "kept")).as_py():
            return empty
    return []


def _by_hand(out: Path, given: Mapping[str, str]) -> list[str]:
    """The pictures whose verdict in the manifest is the user's."""
    try:
        table = manifest_columns(out, ("status", "reason", "flags", "character", "image_id"))
    except (FileNotFoundError, UsageError):
        return []
    flagged = pc.list_parent_indices(table["flags"]).filter(pc.equal(pc.list_flatten(table["flags"]), BY_HAND))
    status = pc.or_kleene(pc.equal(table["status"], "excluded"), pc.equal(table["reason"], BY_HAND))
    places = {*flagged.to_pylist(), *pc.indices_nonzero(pc.fill_null(status, False)).to_pylist()}
    names = {printable(character): character for character in given}
    rows = table.select(["character", "image_id"]).take(pa.array(sorted(places), pa.int64())).to_pylist()
    return [f"{names.get(row['character'], row['character'])}/{row['image_id']}" for row in rows]


def _is_forgotten(decisions: Decisions, picture: str) -> bool:
    """Whether neither the history nor kohya/ knows that the user ever decided about it."""
    return decisions.history.stands("verdict", picture) is None and picture not in decisions.old_excluded


def given_slugs(out: Path, characters: Iterable[str]) -> dict[str, str]:
    """Character -> its name in folders, from the manifest; empty if there is none. 0.1.0 kept no list."""
    names = {printable(character): character for character in characters}
    given: dict[str, str] = {}
    seen: set[str] = set()
    for row in told(out, ["character", "file"]):
        character = names.get(row["character"], row["character"])
        seen.add(character)
        if character not in given and (place := PLACE.fullmatch(row["file"] or "")):
            given[character] = slug_of_group(place[1])
    return slugs(sorted(seen), given)


def told(out: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of the manifest; none if it is missing or unreadable."""
    with suppress(FileNotFoundError, UsageError):
        yield from manifest_rows(out, columns)


def tagger_before(out: Path) -> str:
    """The tagger that read the set, as the manifest names it; empty if there is none."""
    return next((row["tagger"] for row in told(out, ["tagger"]) if row["tagger"]), "")


def _by_picture(out: Path, given: Mapping[str, str]) -> Told:
    names = {printable(character): character for character in given}
    return {
        f"{names.get(row['character'], row['character'])}/{row['image_id']}": row
        for row in told(out, COLUMNS)
        if row["image_id"] and row["status"] != "duplicate"
    }


def _since(edits: HandEdits, what: str, picture: str) -> bool:
    """Whether the history has a decision newer than the manifest."""
    try:
        written = int((edits.out / "manifest.parquet").stat().st_mtime)
    except OSError:
        return True
    return edits.decisions.history.when(what, picture) >= written


def _verdicts(edits: HandEdits, before: Told) -> Iterator[tuple[str, Verdict | None]]:
    """The verdicts in force when the manifest was written that the ledger has lost."""
    for picture, row in before.items():
        stands = edits.decisions.verdict(picture)
        by_hand = row["reason"] == BY_HAND or BY_HAND in (row["flags"] or ())
        verdict: Verdict | None = None
        if row["status"] == "excluded":
            verdict = "excluded"
        elif by_hand:
            verdict = "rejected" if row["status"] == "rejected" else "accepted"
        elif row["status"] != "kept" or stands == "accepted":  # it may be out for another reason than the verdict
            continue
        placed = edits.placement[picture]
        if verdict is None and placed and placed.state in LEFT_OUT:
            continue  # removed since the manifest was written
        if verdict != stands and not _since(edits, "verdict", picture):
            yield picture, verdict


def _form(out: Path) -> str:
    """The form of the captions in the manifest; empty: they are tags."""
    with suppress(FileNotFoundError, UsageError, ValueError):
        return base_of(manifest_facts(out)["settings"])
    return ""


def _captions(edits: HandEdits, before: Told, sources: Mapping[str, str], form: str) -> Iterator[tuple[str, Entry]]:
    """Captions as the manifest has them: where a file differs, the user edited it. sources: captions in SRC that had
    been read before. form: of the captions.
    """
    decisions = edits.decisions
    for picture, row in before.items():
        text = row["caption"]
        if text is None:
            continue
        entry = decisions.entry(picture)
        hand = entry.hand
        seen = (*entry.expected_texts, text, hand.said, sources.get(picture))
        if picture not in decisions.book:
            if hand != Hand():  # the history knows the user's version
                hand = hand if _since(edits, "caption", picture) else hand._replace(text=text)
            elif form:  # what the tags were is known once they are composed again
                by_hand = row["caption_source"] != "machine"
                hand = Hand(text, form=form, whole=text, person=text if by_hand else None)
            elif row["caption_source"] == "machine":
                hand = Hand(text, tuple(items(text)))
            else:
                hand = edited(hand, text)
        expected = tuple(dict.fromkeys(each for each in seen if each not in (None, hand.said)))
        yield picture, entry._replace(hand=hand, expected_texts=expected)


def _read_folders(edits: HandEdits, rows: Sequence[Row], given: Mapping[str, str], before: Told) -> None:
    """Recognise the pictures in kohya/ as prep's: those that the manifest names, then those with a name in prep's form.

    A missing one was removed by hand, and one with other content was retouched: the next look finds that.
    """
    placement = edits.placement
    found: dict[str, Placed] = {}
    for picture, row in before.items():
        known, place = placement[picture], PLACE.fullmatch(row["file"] or "")
        if place and (known is None or known.state == "placed" and not placement.there(known)):
            found[picture] = Placed(place[2], "", 0, "placed", place[1])
    placement.known |= found
    placement.read(given.values())
    placement.known |= _by_content(edits, rows, given)
    found = {picture: placed for picture, placed in placement.known.items() if not placed.sha256}
    placement.update({picture: _looked_at(edits, picture, placed) for picture, placed in found.items()})


def _by_content(edits: HandEdits, rows: Sequence[Row], given: Mapping[str, str]) -> dict[str, Placed]:
    """Unknown pictures in kohya/ whose name is the hash of a known picture."""
    placement = edits.placement
    taken = Hashes((placed.group, placed.name) for placed in placement.known.values())
    waiting: dict[tuple[str, str], list[str]] = {}  # (group, a hash or a stem) -> pictures
    for row in rows:
        known = placement[image_key(row)]
        if (
            row.status == "duplicate"
            or not row.ref.sha256
            or known
            and known.state == "placed"
            and placement.there(known)
        ):
            continue
        ref = row.ref
        for name in {ref.sha256[:12], ref.pixels, stem_slug(Path(ref.path).stem)} - {""}:
            waiting.setdefault((given[ref.character], name), []).append(image_key(row))
    found: dict[str, Placed] = {}
    for group, names in placement.listings.items():
        for name in names:
            if (group, name) in taken or not (named := NAMED.fullmatch(name)):
                continue
            stem, digest = named.groups()
            pixels = _pixels(placement.folder(group) / name, digest)
            for wanted in (digest, pixels or stem):  # a retouched one has other pixels
                pictures = waiting.get((group, wanted), ())
                if len(pictures) == 1 and pictures[0] not in found:
                    found[pictures[0]] = Placed(name, "", 0, "placed", group)
                    break
    return found


def _looked_at(edits: HandEdits, picture: str, placed: Placed) -> Placed:
    """With hash and stat if the file matches its name; otherwise unchanged, for the next look at it."""
    path = edits.placement.path(placed)
    if path is None or not edits.placement.there(placed):
        return placed
    if path.is_symlink():  # its target is the source itself
        return placed._replace(sha256=picture.rpartition("/")[2]).at(path)
    with suppress(OSError):
        digest = hashlib.sha256(read_file(path, PICTURE_BYTES)).hexdigest()
        if (named := NAMED.fullmatch(placed.name)) and digest[:12] == named[2]:
            return placed._replace(sha256=digest).at(path)
    return placed


def _pixels(path: Path, digest: str) -> str:
    """The hash of its pixels, if the file matches its name."""
    with suppress(OSError, ImageError):
        data = read_file(path, PICTURE_BYTES)
        if hashlib.sha256(data).hexdigest()[:12] == digest:
            return pixel_hash(open_image(data).pixels)
    return ""
