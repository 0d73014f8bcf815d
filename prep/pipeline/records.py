"""What each stage returns: a frozen record that the next one takes. A record has all fields of the previous one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from prep.captions.compose import Composer
from prep.captions.of_crop import for_crop
from prep.drawing.plans import Drawing
from prep.edits.from_files import HandEdits
from prep.jobs.tag import ScoreBook
from prep.models.ref import ModelRef
from prep.run import Places
from prep.scan.listing import Listing
from prep.types import ImageRef, Made, Part, Profile, Row

if TYPE_CHECKING:
    from prep.pipeline.fates import Fates


@dataclass(frozen=True, kw_only=True)
class Found:
    listing: Listing

    @classmethod
    def grown(cls, before: "Found", **more: Any) -> Self:
        """This record, made from the previous one."""
        return cls(**{each.name: getattr(before, each.name) for each in fields(before)} | more)


@dataclass(frozen=True, kw_only=True)
class Scanned(Found):
    places: Places
    rows: Sequence[Row]  # in manifest order, packed
    edits: HandEdits
    moved: tuple[str, ...]  # pictures that decisions have moved to
    lost: tuple[str, ...]  # pictures that are gone, with decisions about them
    along: frozenset[str] = frozenset()  # sha256 of what this scan has tagged along, until the tag stage


@dataclass(frozen=True)
class Second:
    """The second reader; its scores are in the first's book."""

    tagger: ModelRef
    recipe: str


@dataclass(frozen=True, kw_only=True)
class Tagged(Scanned):
    tagger: ModelRef
    tag_recipe: str
    scores: ScoreBook
    changed: bool  # files changed since they were scanned
    second: Second | None = None  # None: there is one reader

    @property
    def readers(self) -> tuple[ModelRef, ...]:
        return (self.tagger, self.second.tagger) if self.second else (self.tagger,)


@dataclass(frozen=True, kw_only=True)
class Profiled(Tagged):
    composer: Composer
    profiles: dict[str, Profile]
    variants: dict[tuple[str, str], Profile] = field(default_factory=dict)  # (character, variant) -> its profile

    def profile_for(self, ref: ImageRef) -> Profile:
        """What the caption of a picture follows from: its variant's profile, or its character's."""
        return self.variants.get((ref.character, ref.variant)) or self.profiles[ref.character]

    def profile_of(self, ref: ImageRef, made: Made | None) -> Profile:
        """As profile_for; of a crop without what it does not show."""
        profile = self.profile_for(ref)
        return self.for_crop(profile, made.part, ref.sha256, made.parent) if made and made.part else profile

    def for_crop(self, profile: Profile, part: Part, sha256: str, parent: str | None) -> Profile:
        """The profile for the caption of a crop. parent: sha256 of the picture that it was cut from."""
        read = self.names_read(sha256)
        return for_crop(profile, part, read, self.names_read(parent) if parent in self.scores else read)

    def names_read(self, sha256: str) -> frozenset[str]:
        """The names that the tagger gave a picture any score above its floor."""
        scores = self.scores[sha256]
        read = {each.vocabulary.names[at] for each in (scores, scores.second) if each for at in each.index.tolist()}
        return frozenset(read)

    @cached_property
    def variants_of_pictures(self) -> dict[tuple[str, str], str]:
        """(character, sha256) -> the variant, of real pictures that have one."""
        real = (row.ref for row in self.rows if row.ref.variant and not row.made and row.status == "kept")
        return {(ref.character, ref.sha256): ref.variant for ref in real}

    @property
    def known(self) -> frozenset[str]:
        """The tags that the tagger knows."""
        return frozenset(self.scores.vocabulary.names) if self.scores.vocabulary else frozenset()


@dataclass(frozen=True, kw_only=True)
class Captioned(Profiled):
    crops: tuple[Row, ...] = ()  # of real pictures, captioned
    begun: bool = False  # whether drawing was prepared
    before: tuple[Row, ...] = ()  # drawn and judged in earlier runs, with the user's verdicts
    drawing: Drawing | None = None
    failed: Mapping[str, str] = field(default_factory=dict)  # key of a request -> why it could not be drawn
    drawn: tuple[Row, ...] = ()  # judged and captioned, in the order of the requests


@dataclass(frozen=True, kw_only=True)
class Drawn(Captioned):
    enough: bool = True  # no more pictures are to be tried


@dataclass(frozen=True, kw_only=True)
class Exported(Drawn):
    left_out: dict[str, str] = field(default_factory=dict)  # file -> why an export cannot use it
    fates: "Fates | None" = None  # what happened to every file
