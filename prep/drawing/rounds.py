"""What is drawn of each character: which requests, which of them are done, what the check says, how many more to try.

Everything follows from the requests in their order and from the ledger, so that a run that was cut off goes on to the
same end.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from prep.captions.compose import PEOPLE, spoken
from prep.checks.retag import Exclusive, as_copy, judged, read_exclusive
from prep.drawing.progress import verdicts
from prep.drawing.prompts import Group, Manner, Parent, augmentations, consistency, read_vary, reconstructions
from prep.errors import ImageError
from prep.generators import load_generator
from prep.generators.sd35.planned import planned
from prep.images import covering, open_image
from prep.jobs.draw import DRAW, draw_recipe, measured, places, to_ref
from prep.models.choose_models import settle_generator
from prep.names import printable
from prep.run import Dataset, Run
from prep.scan.copies import COPY_BELOW, HASH_BITS, NEAR, VERSION, difference
from prep.tagging.thresholds import level_of
from prep.types import Check, Drawn, GenerationRequest, Generator, ImageRef, Profile, Row


@dataclass
class Plan:
    """One character's pictures. tried grows by rounds until enough augmentations are accepted."""

    character: str
    fixed: list[GenerationRequest]  # reconstructions and consistency samples
    candidates: list[GenerationRequest]  # augmentations, as many as may be tried
    target: int  # accepted augmentations
    tried: int
    parents: dict[str, str] = field(default_factory=dict)  # sha256 -> path in SRC

    @property
    def requests(self) -> list[GenerationRequest]:
        return [*self.fixed, *self.candidates[: self.tried]]

    def grow(self, accepted: int) -> bool:
        """Try twice as many as are still missing; False when it is enough, or all were tried."""
        more = min(len(self.candidates), self.tried + 2 * max(0, self.target - accepted))
        grown, self.tried = more > self.tried, more
        return grown


class Drawing:
    """The plans of all characters, and what of them is on disk."""

    def __init__(self, run: Run, dataset: Dataset, generator: Generator, weights: str) -> None:
        """weights: sha256 of the generator's files; empty: they are not here, and nothing but a plan can be made."""
        self.run = run
        self.here = bool(weights)
        self.generator = generator
        self.exclusive: Exclusive = read_exclusive(run.settings.check.exclusive)
        manner = self._manner(weights)
        self.known = frozenset(dataset.scores.vocabulary.names) if dataset.scores.vocabulary else frozenset()
        self.groups, self.unknown = read_vary(run.settings.augmentation.vary, self.known)
        self.plans = [plan_of(run, dataset, character, rows, self.groups, manner) for character, rows in _real(dataset)]
        self.differences = {subject: row["difference"] for subject, row in run.ledger.rows(NEAR, str(VERSION)).items()}

    def _manner(self, weights: str) -> Manner:
        settings, generator = self.run.settings.generator, self.generator
        return Manner(
            generator=generator.name,
            weights=weights,
            precision=generator.precision,
            sampler=settings.sampler,
            steps=settings.steps or generator.steps,
            guidance=settings.guidance or generator.guidance,
            strength=self.run.settings.augmentation.strength,
            quality=settings.quality,
            negative=settings.negative,
            size=generator.size,
            spoken=spoken,
            counts=lambda tag: tag == "solo" or bool(PEOPLE.match(tag)),
            excludes=self.exclusive.against,
        )

    def requests(self) -> list[GenerationRequest]:
        return [request for plan in self.plans for request in plan.requests]

    def parents(self) -> dict[str, Path]:
        return {sha256: self.run.src / path for plan in self.plans for sha256, path in plan.parents.items()}

    def missing(self) -> list[GenerationRequest]:
        """What is still to be drawn. What is there but was measured otherwise is measured anew, not drawn."""
        measure_px = self.run.settings.thresholds.measure_px
        book = self.run.ledger.book(DRAW, draw_recipe(measure_px))
        todo = []
        with self.run.ledger.writer(DRAW) as writer:
            for request in self.requests():
                path = self.place(request)
                row = book.get(request.key)
                if path is None or (row and path.stat().st_size != row["bytes"]):
                    todo.append(request)
                elif row is None:
                    data = path.read_bytes()
                    try:
                        writer.append(measured(request.key, open_image(data).pixels, data, measure_px))
                    except ImageError:
                        todo.append(request)
        return todo

    def place(self, request: GenerationRequest) -> Path | None:
        """Where the picture lies now; None: nowhere."""
        candidates = (self.run.out / place for place in places(request, self.run.slugs[request.character]))
        return next((path for path in candidates if path.is_file()), None)

    def drawn(self) -> Iterator[tuple[Plan, GenerationRequest, ImageRef]]:
        """All that is drawn, in the order of the requests. Paths are relative to the dataset folder."""
        book = self.run.ledger.book(DRAW, draw_recipe(self.run.settings.thresholds.measure_px))
        for plan in self.plans:
            for request in plan.requests:
                path, row = self.place(request), book.get(request.key)
                if path and row:
                    yield plan, request, to_ref(request, row, str(path.relative_to(self.run.out)))

    def judge(self, dataset: Dataset) -> list[Row]:
        """A row for each picture that was drawn and read, with its verdict; rejected augmentations moved aside."""
        rows = []
        siblings: dict[str, list[ImageRef]] = defaultdict(list)
        for plan, request, ref in self.drawn():
            if ref.sha256 not in dataset.scores:
                continue
            level = level_of(ref.edge_density, self.run.settings.thresholds)
            read = dataset.composer.names(dataset.scores[ref.sha256], level)
            profile = dataset.profiles[plan.character]
            bound = self.run.settings.check.bound
            check = judged(request, read, profile.core, profile.body, self.known, self.exclusive, bound)
            if check.kept and request.kind == "augmentation":
                if self._is_copy(ref, plan, request, siblings[plan.character]):
                    check = as_copy(check)
                else:
                    siblings[plan.character].append(ref)
            rows.append(self._row(request, ref, check))
        return rows

    def grow(self, rows: list[Row]) -> bool:
        """Whether more augmentations are to be tried, seeing how many of these were accepted."""
        accepted = Counter(row.ref.character for row in rows if row.trains)
        return any([plan.grow(accepted[plan.character]) for plan in self.plans])

    def _row(self, request: GenerationRequest, ref: ImageRef, check: Check) -> Row:
        home, aside = places(request, self.run.slugs[request.character])
        path = aside if request.kind == "augmentation" and not check.kept else home
        if path != ref.path:
            (self.run.out / path).parent.mkdir(parents=True, exist_ok=True)
            (self.run.out / ref.path).replace(self.run.out / path)
            ref = replace(ref, path=path)
        status = "kept" if check.kept else "rejected"
        return Row(ref, origin=request.kind, status=status, reason=check.reason, drawn=Drawn(request, check))

    def _is_copy(self, ref: ImageRef, plan: Plan, request: GenerationRequest, siblings: list[ImageRef]) -> bool:
        """Whether its pixels nearly equal its parent's, as it was given to be drawn over, or an earlier sibling's."""

        def parent() -> np.ndarray:
            data = (self.run.src / plan.parents[request.parent]).read_bytes()
            return covering(open_image(data, self.run.settings.scan.max_pixels).pixels, ref.width, ref.height)

        if self._difference(f"{request.parent}:{ref.sha256}", ref, parent) < COPY_BELOW:
            return True
        close = (other for other in siblings if _bits_apart(ref.phash, other.phash) <= HASH_BITS)
        return any(
            self._difference(f"{other.sha256}:{ref.sha256}", ref, lambda other=other: self._pixels(other)) < COPY_BELOW
            for other in close
        )

    def _difference(self, subject: str, ref: ImageRef, other: Callable[[], np.ndarray]) -> float:
        if subject not in self.differences:
            try:
                self.differences[subject] = difference(self._pixels(ref), other())
            except (ImageError, OSError):
                return 255.0  # gone since; nothing can be said
            row = {"subject": subject, "recipe": str(VERSION), "difference": self.differences[subject]}
            self.run.ledger.write(NEAR, [row])
        return self.differences[subject]

    def _pixels(self, ref: ImageRef) -> np.ndarray:
        return open_image((self.run.out / ref.path).read_bytes()).pixels


def begin_drawing(run: Run, dataset: Dataset) -> Drawing | None:
    """What is to be drawn; None when nothing is. No weight is read."""
    settled = settle_generator(run.settings, run.report.say, may_fetch=not run.options.dry)
    if settled is None:
        return None
    if settled.sha256:
        generator = load_generator(
            settled.kind,
            settled.model,
            settled.parts,
            run.settings.generator,
            run.out / ".prep" / "prompts",
            run.settings.models.offline,
            lambda line: run.report.say(f"generate: {line}"),
        )
    else:
        generator = planned(settled.name, run.settings.generator.resolution)
    drawing = Drawing(run, dataset, generator, settled.sha256)
    if drawing.unknown:
        names = ", ".join(spoken(tag) for tag in drawing.unknown)
        run.report.say(f"generate: the tagger does not know {names}: options with them are left out")
    for character, found in dataset.profiles.items():
        if said := _thin(found):
            run.report.say(f"generate: {printable(character)} {said}")
    return drawing


def _thin(profile: Profile) -> str:
    """What is too little of a character, and what to do; empty when nothing is."""
    if profile.images and not profile.core:
        return (
            "has no core tags, so no consistency samples are drawn: add images that are more alike, "
            "or lower profile.core_share"
        )
    if profile.images == 1:
        return "has one image, and all is drawn from that: with three or more, prep sees what belongs to the character"
    return ""


def told_of(rows: list[Row]) -> str:
    """'12 of 21 augmentations accepted (5 copy, 4 off_character); ...'"""
    return verdicts((row.origin, row.reason) for row in rows)


def plan_of(run: Run, dataset: Dataset, character: str, rows: list[Row], groups: list[Group], manner: Manner) -> Plan:
    """What may be drawn of a character. rows: its real images in the set."""
    settings, profile = run.settings, dataset.profiles[character]
    parents = [_parent(row) for row in rows if row.near_of is None]
    fixed = reconstructions(profile, parents, settings.reconstruct.per_character, manner)
    fixed += consistency(profile, settings.consistency.per_character, manner)
    target = max(settings.augmentation.least, math.ceil(settings.augmentation.share * len(rows)))
    most = target * settings.augmentation.tries
    candidates = list(islice(augmentations(profile, parents, groups, manner), most)) if target else []
    paths = {row.ref.sha256: row.ref.path for row in rows}
    used = {request.parent for request in candidates}
    return Plan(
        character, fixed, candidates, target, min(target, len(candidates)),
        {sha256: path for sha256, path in paths.items() if sha256 in used},
    )  # fmt: skip


def _real(dataset: Dataset) -> Iterator[tuple[str, list[Row]]]:
    """(character, its real images in the set): rows come sorted by character."""
    rows: dict[str, list[Row]] = {character: [] for character in dataset.profiles}
    for row in dataset.kept():
        rows[row.ref.character].append(row)
    return ((character, found) for character, found in rows.items() if found)


def _parent(row: Row) -> Parent:
    traits = (gone.name for gone in row.caption.removed if gone.why == "trait")
    general = (tag.name for tag in row.caption.tags if tag.category == "general")
    return Parent(row.ref.sha256, row.ref.width, row.ref.height, (*general, *traits))


def _bits_apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()
