"""What is drawn of each character: its requests, which of them have a picture, and how many more to try.

Everything follows from the requests in their order, from what was accepted before and from the ledger, so a resumed run
ends like an uninterrupted one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from prep.captions.compose import PEOPLE, prompt_text
from prep.captions.sentence import sentence
from prep.checks.retag import Exclusive
from prep.drawing.coverage import shown_in
from prep.drawing.measure import Measured, measure, place
from prep.drawing.prompts import DrawingStyle, Parent, consistency, reconstructions
from prep.drawing.tries import ACCEPTED, Bounds, Known, apart, bounds_of, tried
from prep.drawing.vary import Group
from prep.drawing.wants import NOBODY, Cutting, wants
from prep.jobs.draw import DRAW, draw_recipe, ref_from_draw
from prep.ledger import Ledger
from prep.models.ref import ModelRef
from prep.protocols import Card
from prep.run import Places
from prep.sections import Settings
from prep.types import GenerationRequest, ImageRef, Profile, Row

TRAINED = ("augmentation", "scene")  # and what those are made of


@dataclass(frozen=True)
class CharacterPlan:
    """One character's pictures."""

    character: str
    fixed: tuple[GenerationRequest, ...]  # reconstructions and consistency samples
    again: tuple[GenerationRequest, ...]  # accepted before, and their files are gone
    wants: Known  # augmentations, in the order in which they are tried
    bounds: Bounds
    parents: dict[str, str]  # sha256 -> path in SRC


@dataclass(frozen=True)
class Drawing:
    """The plans of all characters, and where their pictures are."""

    plans: tuple[CharacterPlan, ...]
    generator: ModelRef
    card: Card
    places: Places
    measure_px: int
    max_pixels: int
    before: tuple[Row, ...] = ()  # drawn and judged in an earlier run, with the user's verdicts
    fates: Mapping[str, str] = field(default_factory=dict)  # key -> why it was rejected, or ACCEPTED

    @property
    def here(self) -> bool:
        """Whether the generator's files are on this machine; without them, prep can only plan."""
        return bool(self.generator.digest)

    @cached_property
    def by_plan(self) -> list[tuple[CharacterPlan, list[GenerationRequest]]]:
        """The requests so far. Composites come after their scenes are accepted."""
        stays = [row for row in self.before if row.origin == "augmentation" and row.made.check.kept]
        found = []
        for plan in self.plans:
            own = [row for row in stays if row.ref.character == plan.character]
            again = [each for each in plan.again if each.kind == "augmentation"]
            again = [each for each in again if self.fate(each.key) in (None, ACCEPTED)]
            keys = frozenset([*(row.made.recipe for row in own), *(each.key for each in again)])
            pictures = [*(row.made.request for row in own), *again]
            composites = frozenset(each.key for each in pictures if each.manner == "composite")
            others = apart(plan.wants, plan.bounds, self.said_before, keys, composites)
            more = tried(plan.wants, plan.bounds, others, len(others & composites), self.fate)
            requests = {each.key: each for each in (*plan.fixed, *plan.again, *more)}
            found.append((plan, [*requests.values()]))
        return found

    @property
    def lacking(self) -> int:
        """Accepted augmentations that are wanted beyond those of earlier runs."""
        stays = Counter(
            row.ref.character for row in self.before if row.origin == "augmentation" and row.made.check.kept
        )
        return sum(max(0, plan.bounds.target - stays[plan.character]) for plan in self.plans)

    @property
    def requests(self) -> list[GenerationRequest]:
        return [request for _, requests in self.by_plan for request in requests]

    @cached_property
    def judged_before(self) -> dict[str, Row]:
        return {row.made.recipe: row for row in self.before}

    @cached_property
    def said_before(self) -> dict[str, str]:
        """Key -> why an earlier run, or the user, rejected it, or ACCEPTED."""
        said = {key: ACCEPTED if row.made.check.kept else row.made.check.reason or "rejected"
                for key, row in self.judged_before.items()}  # fmt: skip
        return {each.key: ACCEPTED for plan in self.plans for each in plan.again} | said

    def fate(self, key: str) -> str | None:
        """Why a picture was rejected, ACCEPTED, or None if it is not judged yet."""
        if (row := self.judged_before.get(key)) and row.made.check.kept:
            return ACCEPTED
        return self.fates.get(key)

    @property
    def parents(self) -> dict[str, Path]:
        """sha256 -> file, of the parents whose pixels are used."""
        return {
            request.parent: self.places.src / plan.parents[request.parent]
            for plan, requests in self.by_plan
            for request in requests
            if request.parent in plan.parents
        }

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
        for plan, requests in self.by_plan:
            for request in requests:
                path, row = self.place(request), book.get(request.key)
                if path and row:
                    yield plan, request, ref_from_draw(request, row, path.relative_to(self.places.out).as_posix())

    def grown(self, rows: Iterable[Row], failed: Mapping[str, str]) -> "Drawing":
        """With what follows from these verdicts and failures (key -> kind); unchanged when there is enough."""
        fates = {row.made.recipe: ACCEPTED if row.made.check.kept else row.reason or "rejected" for row in rows}
        now = replace(self, fates={**self.fates, **failed, **fates})
        keys = {request.key for request in self.requests}
        return now if any(request.key not in keys for request in now.requests) else self


def plan_character(
    profile: Profile,
    rows: Sequence[Row],
    groups: Sequence[Group],
    situations: Sequence[Sequence[str]],
    cuts: Mapping[str, Cutting],
    before: Sequence[Row],
    gone: Sequence[GenerationRequest],
    style: DrawingStyle,
    settings: Settings,
) -> CharacterPlan:
    """What may be drawn of a character. rows: its real images in the set. before: what was drawn of it earlier. gone:
    accepted pictures of any character whose files are gone.
    """
    seen = [parent_of(row) for row in rows]
    parents = [parent for parent, row in zip(seen, rows, strict=True) if row.near_of is None]
    fixed = _fixed("reconstruct", before, style, profile, settings.reconstruct.per_character, parents) or (
        reconstructions(profile, parents, settings.reconstruct.per_character, style)
    )
    people = [parent for parent in parents if NOBODY not in parent.tags]
    wearers = people or parents
    if NOBODY in profile.core:  # a place, which has no expression and no view
        situations, wearers = (), parents
    fixed += _fixed("consistency", before, style, profile, settings.consistency.per_character, parents) or (
        consistency(
            profile, wearers, situations, settings.consistency.per_character, style, [one.replaces for one in groups]
        )
    )
    shown = shown_in(groups, (parent.tags for parent in seen))
    found = Known(wants(profile, people, groups, shown, cuts, style))
    bounds = bounds_of(profile, len(rows), settings)
    trained = [each for each in gone if each.character == profile.character and each.kind in TRAINED]
    paths = {row.ref.sha256: row.ref.path for row in rows}
    return CharacterPlan(profile.character, tuple(fixed), tuple(trained), found, bounds, paths)


def _fixed(
    kind: str, before: Sequence[Row], style: DrawingStyle, profile: Profile, count: int, parents: Sequence[Parent]
) -> list[GenerationRequest]:
    """What this model drew of the same character before: if that is enough, nothing is drawn again. Else none of it."""
    always = set(profile.core) & profile.body
    requests = [row.made.request for row in before if row.origin == kind]
    stays = [
        request
        for request in requests
        if request.generator == style.generator and (kind != "consistency" or always <= {*request.asked})
    ]
    return stays if count and len(stays) >= min(count, len(parents) if kind == "reconstruct" else count) else []


def style_of(card: Card, weights: str, exclusive: Exclusive, settings: Settings) -> DrawingStyle:
    """weights: digest of the generator's files."""
    asked = settings.generator
    quality = card.quality if asked.quality == "auto" else asked.quality
    return DrawingStyle(
        generator=card.name,
        weights=weights,
        precision=card.precision,
        sampler=asked.sampler,
        steps=asked.steps or card.steps,
        guidance=asked.guidance or card.guidance,
        strength=settings.augmentation.strength,
        quality=quality,
        negative=card.negative if asked.negative == "auto" else asked.negative,
        size=card.size,
        prompt_text=prompt_text,
        counts=lambda tag: tag == "solo" or bool(PEOPLE.match(tag)),
        excludes=exclusive.against,
        sentence=partial(_told, quality=quality) if card.sentences else no_sentence,
        editing=card.editing if not asked.guidance or asked.guidance > 1 else None,
    )


def _told(tags: Sequence[str], quality: str) -> str:
    """What T5 reads: the tags as a sentence, and the words of quality as another."""
    return f"{sentence(tags)} {quality[:1].upper()}{quality[1:]}.".strip() if quality else sentence(tags)


def no_sentence(tags: Sequence[str]) -> str:
    return ""


def parent_of(row: Row) -> Parent:
    """A real image as prompts see it."""
    traits = (gone.name for gone in row.caption.removed if gone.why == "trait")
    general = (tag.name for tag in row.caption.tags if tag.category == "general")
    return Parent(row.ref.sha256, row.ref.width, row.ref.height, (*general, *traits), row.ref.variant)
