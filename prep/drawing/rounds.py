"""What is drawn of each character: which requests, which of them are done, what the check says, how many more to try.

Everything follows from the requests in their order and from the ledger, so a resumed run ends like an uninterrupted
one. Functions that only read are named after what they find; functions that write, by a verb.
"""

import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from prep.aside import set_aside
from prep.captions.compose import PEOPLE, Composer, prompt_text
from prep.checks.retag import Exclusive, as_copy, verdict
from prep.config import Settings
from prep.drawing.measure import Measured, measure, place
from prep.drawing.progress import verdicts
from prep.drawing.prompts import DrawingStyle, Group, Parent, augmentations, consistency, reconstructions
from prep.errors import ImageError
from prep.files import PICTURE_BYTES, move, read_file, real_folder
from prep.images import covering, open_image
from prep.jobs.draw import DRAW, draw_recipe, places, ref_from_draw
from prep.jobs.tag import ScoreBook
from prep.ledger import Ledger
from prep.models.ref import ModelRef
from prep.protocols import Card
from prep.run import Places, image_key
from prep.scan.copies import COPY_BELOW, HASH_BITS, NEAR, VERSION, difference
from prep.tagging.thresholds import level_of
from prep.types import BY_HAND, RETOUCHED, Check, GenerationRequest, ImageRef, Made, Profile, Row


@dataclass(frozen=True)
class CharacterPlan:
    """One character's pictures. `tried` grows each round until enough augmentations are accepted."""

    character: str
    fixed: tuple[GenerationRequest, ...]  # reconstructions and consistency samples
    candidates: tuple[GenerationRequest, ...]  # augmentations, as many as may be tried
    target: int  # accepted augmentations
    tried: int
    parents: dict[str, str] = field(default_factory=dict)  # sha256 -> path in SRC

    @property
    def requests(self) -> tuple[GenerationRequest, ...]:
        return (*self.fixed, *self.candidates[: self.tried])

    def grown(self, accepted: int) -> "CharacterPlan":
        """With two more tries per augmentation still missing; unchanged when there are enough, or all were tried."""
        more = min(len(self.candidates), self.tried + 2 * max(0, self.target - accepted))
        return replace(self, tried=more) if more > self.tried else self


@dataclass(frozen=True)
class Drawing:
    """The plans of all characters, and where their pictures are."""

    plans: tuple[CharacterPlan, ...]
    generator: ModelRef
    card: Card
    places: Places
    measure_px: int
    max_pixels: int

    @property
    def here(self) -> bool:
        """Whether the generator's files are on this machine; without them, prep can only plan."""
        return bool(self.generator.digest)

    @property
    def requests(self) -> list[GenerationRequest]:
        return [request for plan in self.plans for request in plan.requests]

    @property
    def parents(self) -> dict[str, Path]:
        return {sha256: self.places.src / path for plan in self.plans for sha256, path in plan.parents.items()}

    def missing(self) -> list[GenerationRequest]:
        """The requests without a picture."""
        return [request for request in self.requests if self.place(request) is None]

    def measure(self, ledger: Ledger) -> Measured:
        """Measure pictures that were measured with other settings, or that differ from what was drawn."""
        there = ((request, path) for request in self.requests if (path := self.place(request)))
        return measure(there, ledger, self.measure_px)

    def place(self, request: GenerationRequest) -> Path | None:
        """Where the picture is now; None: nowhere."""
        return place(request, self.places)

    def drawn(self, ledger: Ledger) -> Iterator[tuple[CharacterPlan, GenerationRequest, ImageRef]]:
        """All drawn pictures, in the order of the requests. Paths are relative to the dataset folder."""
        book = ledger.book(DRAW, draw_recipe(self.measure_px))
        for plan in self.plans:
            for request in plan.requests:
                path, row = self.place(request), book.get(request.key)
                if path and row:
                    yield plan, request, ref_from_draw(request, row, path.relative_to(self.places.out).as_posix())

    def grown(self, rows: Iterable[Row]) -> "Drawing":
        """With more augmentations to try, given how many of these were accepted; unchanged when there are enough."""
        accepted = Counter(row.ref.character for row in rows if row.origin == "augmentation" and row.made.check.kept)
        plans = tuple(plan.grown(accepted[plan.character]) for plan in self.plans)
        return self if plans == self.plans else replace(self, plans=plans)


@dataclass(frozen=True)
class Judge:
    """All that a verdict on a drawn picture depends on, besides the picture."""

    scores: ScoreBook
    composer: Composer
    profiles: dict[str, Profile]
    exclusive: Exclusive
    known: frozenset[str]  # tags of the tagger
    settings: Settings
    decided: Callable[[str], str | None] = lambda picture: None  # the user's verdict, by image key


def judged(drawing: Drawing, judge: Judge, ledger: Ledger, before: Sequence[Row]) -> tuple[list[Row], dict[str, float]]:
    """(a row for each picture that was drawn and read but not judged yet, differences measured for that).

    before: the rows of earlier rounds. Writes nothing and moves no file.
    """
    differences = _Differences(drawing, ledger)
    siblings: dict[str, list[ImageRef]] = defaultdict(list)
    done = {row.made.recipe for row in before}
    for row in before:
        if row.origin == "augmentation" and row.made.check.kept:
            siblings[row.ref.character].append(row.ref)
    rows = []
    for plan, request, ref in drawing.drawn(ledger):
        if request.key in done or ref.sha256 not in judge.scores:
            continue
        check = _check(request, ref, judge)
        trains = request.kind == "augmentation"
        if check.kept and trains and differences.is_copy(ref, plan, request, siblings[plan.character]):
            check = as_copy(check)
        row = overruled(row_of(request, ref, check), judge.decided)
        if row.made.check.kept and trains:
            siblings[plan.character].append(ref)
        rows.append(row)
    return rows, differences.new


def row_of(request: GenerationRequest, ref: ImageRef, check: Check) -> Row:
    made = Made("generator", request.parent, request.key, request, check)
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
    profile = judge.profiles[request.character]
    bound = judge.settings.check.bound
    return verdict(request, read, profile.core, profile.body, judge.known, judge.exclusive, bound)


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


def plan_character(
    profile: Profile, rows: Sequence[Row], groups: Sequence[Group], style: DrawingStyle, settings: Settings
) -> CharacterPlan:
    """What may be drawn of a character. rows: its real images in the set."""
    parents = [_parent(row) for row in rows if row.near_of is None]
    fixed = reconstructions(profile, parents, settings.reconstruct.per_character, style)
    fixed += consistency(profile, settings.consistency.per_character, style)
    target = max(settings.augmentation.least, math.ceil(settings.augmentation.share * len(rows)))
    # When the check cannot accept any, only as many are drawn as the user may want to look through.
    most = target * (settings.augmentation.tries if profile.body else 1)
    candidates = tuple(islice(augmentations(profile, parents, groups, style), most)) if target else ()
    used = {request.parent for request in candidates}
    return CharacterPlan(
        profile.character, tuple(fixed), candidates, target, min(target, len(candidates)),
        {row.ref.sha256: row.ref.path for row in rows if row.ref.sha256 in used},
    )  # fmt: skip


def style_of(card: Card, weights: str, exclusive: Exclusive, settings: Settings) -> DrawingStyle:
    """weights: digest of the generator's files."""
    asked = settings.generator
    return DrawingStyle(
        generator=card.name,
        weights=weights,
        precision=card.precision,
        sampler=asked.sampler,
        steps=asked.steps or card.steps,
        guidance=asked.guidance or card.guidance,
        strength=settings.augmentation.strength,
        quality=card.quality if asked.quality == "auto" else asked.quality,
        negative=card.negative if asked.negative == "auto" else asked.negative,
        size=card.size,
        prompt_text=prompt_text,
        counts=lambda tag: tag == "solo" or bool(PEOPLE.match(tag)),
        excludes=exclusive.against,
    )


def summary(rows: Iterable[Row]) -> str:
    """'12 of 21 augmentations accepted (5 copy, 4 off_character); ...'"""
    return verdicts((row.origin, row.reason) for row in rows)


def _parent(row: Row) -> Parent:
    traits = (gone.name for gone in row.caption.removed if gone.why == "trait")
    general = (tag.name for tag in row.caption.tags if tag.category == "general")
    return Parent(row.ref.sha256, row.ref.width, row.ref.height, (*general, *traits))


def _bits_apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()
