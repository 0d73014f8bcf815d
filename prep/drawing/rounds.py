"""The verdicts on drawn pictures, and where each of them belongs.

Functions that only read are named after what they find; functions that write, by a verb.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from prep.aside import set_aside
from prep.captions.compose import PEOPLE, Composer
from prep.checks.retag import Exclusive, as_copy, verdict
from prep.checks.witnessed import Witnessed
from prep.drawing.plans import TRAINED, CharacterPlan, Drawing
from prep.drawing.progress import verdicts, why_not
from prep.drawing.wants import NOBODY
from prep.errors import ImageError
from prep.files import PICTURE_BYTES, move, read_file, real_folder
from prep.images import covering, open_image
from prep.jobs.draw import places
from prep.jobs.tag import ScoreBook
from prep.ledger import Ledger
from prep.run import Places, image_key
from prep.scan.copies import COPY_BELOW, HASH_BITS, NEAR, VERSION, difference
from prep.sections import Settings
from prep.tagging.thresholds import level_of
from prep.types import BY_HAND, RETOUCHED, WITNESSED, Check, GenerationRequest, ImageRef, Made, Profile, Row


@dataclass(frozen=True)
class Judge:
    """All that a verdict on a drawn picture depends on, besides the picture.

    The reader is the second one if there are two: then the judge did not write the captions.
    """

    scores: ScoreBook
    composer: Composer
    profiles: dict[str, Profile]
    exclusive: Exclusive
    known: frozenset[str]  # tags of the reader
    settings: Settings
    witnessed: Witnessed
    real: Mapping[str, Sequence[ImageRef]]  # character -> its real pictures in the set
    decided: Callable[[str], str | None] = lambda picture: None  # the user's verdict, by image key
    first: Container[str] | None = None  # the pictures that the first reader has read, if the reader is the second

    def may_judge(self, sha256: str) -> bool:
        """Whether all readers have read the picture."""
        return sha256 in self.scores and (self.first is None or sha256 in self.first)

    def witness(self, check: Check, ref: ImageRef) -> Check:
        """The verdict from the tags, with what the witnesses say of the picture."""
        real = [each.sha256 for each in self.real.get(ref.character, ())]
        return self.witnessed.judge(check, ref.sha256, real)


def judged(drawing: Drawing, judge: Judge, ledger: Ledger, done: Sequence[Row]) -> tuple[list[Row], dict[str, float]]:
    """(a row for each picture that was drawn and read but not judged yet, differences measured for that).

    done: the rows of earlier rounds. What an earlier run accepted stays accepted. Writes nothing and moves no file.
    """
    differences = _Differences(drawing, ledger)
    siblings: dict[str, list[ImageRef]] = defaultdict(list)
    known = {row.made.recipe for row in done}
    accepted = [row for row in drawing.before if row.origin in TRAINED and row.made.check.kept]
    stay = [] if known else [seen_again(row, judge) for row in accepted]
    for row in (*done, *stay):
        if row.origin == "augmentation" and row.made.check.kept:
            siblings[row.ref.character].append(row.ref)
    known |= {row.made.recipe for row in stay}
    rows = [*stay]
    plans = {plan.character: plan for plan in drawing.plans}
    again = ((plans[row.ref.character], row.made.request, row.ref) for row in drawing.before)
    for plan, request, ref in (*drawing.drawn(ledger), *again):
        if request.key in known or not judge.may_judge(ref.sha256):
            continue
        known.add(request.key)
        check = _check(request, ref, judge)
        trains = request.kind == "augmentation"
        if check.kept and trains and differences.is_copy(ref, plan, request, siblings[plan.character]):
            check = as_copy(check)
        row = overruled(row_of(request, ref, check), judge.decided)
        if row.made.check.kept and trains:
            siblings[plan.character].append(ref)
        rows.append(row)
    return rows, differences.new


def seen_again(row: Row, judge: Judge) -> Row:
    """A picture that was accepted earlier, once a witness is there that has not judged it. The user's word stands."""
    if row.origin == "scene" or judge.decided(image_key(row)) in ("accepted", "rejected"):
        return row
    check = row.made.check
    said = judge.witness(check, row.ref)
    measured = [getattr(said, name) for name in WITNESSED if getattr(check, name) is None]
    return row_of(row.made.request, row.ref, said) if any(each is not None for each in measured) else row


def likened(rows: Sequence[Row], judge: Judge) -> tuple[Row, ...]:
    """With how alike the consistency samples of each character are, if a witness of identity is there."""
    samples: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.origin == "consistency":
            samples[row.ref.character].append(row.ref.sha256)

    def with_likeness(row: Row) -> Row:
        others = [each for each in samples.get(row.ref.character, ()) if each != row.ref.sha256]
        if row.origin != "consistency" or not others:
            return row
        alike = judge.witnessed.measure("identity", row.ref.sha256, others)
        return row._replace(made=replace(row.made, check=replace(row.made.check, alike=alike)))

    return tuple(map(with_likeness, rows))


def row_of(request: GenerationRequest, ref: ImageRef, check: Check) -> Row:
    by = "composite" if request.manner == "composite" else "generator"
    made = Made(by, request.parent, request.key, request, check)
    flags = (RETOUCHED,) if RETOUCHED in ref.flags else ()
    status = "kept" if check.kept else "rejected"
    return Row(ref, origin=request.kind, status=status, reason=check.reason, flags=flags, made=made)


def overruled(row: Row, decided: Callable[[str], str | None]) -> Row:
    """The row of a drawn picture, with the user's verdict where there is one."""
    verdict = decided(image_key(row))
    if verdict not in ("accepted", "rejected") or (verdict == "accepted") == row.made.check.kept:
        return row
    kept = verdict == "accepted"
    check = replace(row.made.check, kept=kept, reason=None if kept else BY_HAND)
    now = row_of(row.made.request, row.ref, check)
    return now._replace(flags=(BY_HAND, *now.flags), made=replace(now.made, judged=row.made.check))


def file_away(rows: Iterable[Row], places_: Places, ledger: Ledger) -> list[Row]:
    """Move rejected augmentations to rejected/ and accepted ones back -> the rows."""
    return [_filed(row, places_, ledger) for row in rows]


def keep_differences(ledger: Ledger, found: dict[str, float]) -> None:
    """Keep differences, so that none is measured twice."""
    if found:
        rows = [{"subject": key, "recipe": str(VERSION), "difference": value} for key, value in found.items()]
        ledger.write(NEAR, rows)


def _check(request: GenerationRequest, ref: ImageRef, judge: Judge) -> Check:
    level = level_of(ref.edge_density, judge.settings.thresholds)
    read = judge.composer.names(judge.scores[ref.sha256], level)
    if request.kind == "scene":
        return scene_verdict(request, read, judge.known)
    profile = judge.profiles[request.character]
    bound = judge.settings.check.bound
    check = verdict(request, read, profile.core, profile.body, judge.known, judge.exclusive, bound)
    return judge.witness(check, ref)


def scene_verdict(request: GenerationRequest, read: Iterable[str], known: Container[str]) -> Check:
    """Whether a scene for a composite is empty, and the place that was asked for. read: the tags in it."""
    read = set(read)
    asked = [tag for tag in request.asked if tag in known]
    found = [tag for tag in asked if tag in read]
    missing = [tag for tag in asked if tag not in read]
    people = tuple(sorted(tag for tag in read - {NOBODY} if tag == "solo" or PEOPLE.match(tag)))
    place = {*request.asked} & {*asked} - {NOBODY}
    reason = "not_empty" if people else "another_place" if place and not place & read else None
    score = len(found) / len(asked) if asked else 0.0
    return Check(score, reason is None, reason, tuple(found), tuple(missing), people)


def _filed(row: Row, places_: Places, ledger: Ledger) -> Row:
    request, check = row.made.request, row.made.check
    home, aside = places(request, places_.slugs[request.character])
    place = Path(aside if request.kind == "augmentation" and not check.kept else home)
    path = str(place.with_suffix(Path(row.ref.path).suffix))
    if path == row.ref.path:
        return row
    real_folder(places_.out, *Path(path).parts[:-1])
    if os.path.lexists(places_.out / path):
        set_aside(places_.out, places_.out / path, "was in the place of another version of it", ledger)
    move(places_.out / row.ref.path, places_.out / path)
    return row._replace(ref=row.ref._replace(path=path))


class _Differences:
    """How much drawn pictures differ from their parents and siblings: remembered and new measurements."""

    def __init__(self, drawing: Drawing, ledger: Ledger) -> None:
        self.drawing = drawing
        self.known = {subject: row["difference"] for subject, row in ledger.rows(NEAR, str(VERSION)).items()}
        self.new: dict[str, float] = {}

    def is_copy(self, ref: ImageRef, plan: CharacterPlan, request: GenerationRequest, siblings: list[ImageRef]) -> bool:
        """Whether its pixels nearly equal its parent's (as given to img2img) or an earlier sibling's."""

        def parent() -> np.ndarray:
            data = read_file(self.drawing.places.src / plan.parents[request.parent], PICTURE_BYTES, follow=True)
            return covering(open_image(data, self.drawing.max_pixels).pixels, ref.width, ref.height)

        if self._difference(f"{request.parent}:{ref.sha256}", ref, parent) < COPY_BELOW:
            return True
        close = (other for other in siblings if _bits_apart(ref.phash, other.phash) <= HASH_BITS)
        return any(
            self._difference(f"{other.sha256}:{ref.sha256}", ref, lambda other=other: self._pixels(other)) < COPY_BELOW
            for other in close
        )

    def _difference(self, key: str, ref: ImageRef, other: Callable[[], np.ndarray]) -> float:
        if key not in self.known:
            try:
                self.known[key] = self.new[key] = difference(self._pixels(ref), other())
            except (ImageError, OSError):
                return 255.0  # gone since: it cannot be compared
        return self.known[key]

    def _pixels(self, ref: ImageRef) -> np.ndarray:
        return open_image(read_file(self.drawing.places.out / ref.path, PICTURE_BYTES)).pixels


def summary(rows: Iterable[Row]) -> str:
    """'12 of 21 augmentations accepted (5 copy, 4 off_character); ...'"""
    return verdicts((row.origin, why_not(row.status, row.reason)) for row in rows)


def _bits_apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()
