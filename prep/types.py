"""The frozen records that stages pass on.

Those of which a set has one per picture are tuples with names: made and changed in a third of a dataclass's time.
"""

import hashlib
import json
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

Kind = Literal["reconstruct", "consistency", "augmentation", "scene"]
Origin = Literal["source", "crop", "reconstruct", "consistency", "augmentation", "scene"]
Part = Literal["head", "upper", "figure"]  # what a crop shows
# How a picture comes about. draw: from text, or from its parent by img2img if it has a strength; edit: the parent,
# changed by FlowEdit; composite: the parent's figure, cut out, before a drawn scene.
Manner = Literal["draw", "edit", "composite"]
BY_HAND = "by_hand"  # a reason and a flag: the user decided it
RETOUCHED = "retouched"  # a flag: the picture is the user's version
Status = Literal["kept", "duplicate", "rejected", "unreadable", "excluded"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something was skipped: for problems.txt, and for the ledger's row."""

    stage: str
    kind: str
    message: str
    hint: str = ""


class Box(NamedTuple):
    """A part of a picture, pixels: left and top are inside, right and bottom are not."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def area(self) -> int:
        return self.width * self.height


class Detected(NamedTuple):
    """What a detector found in a picture."""

    label: str  # head, face, halfbody or person
    box: Box
    score: float  # 0-1


class ImageRef(NamedTuple):
    """One file in SRC, as the scan measured it."""

    sha256: str  # of the file's bytes, hex
    path: str  # relative to SRC, `/` as separator, bytes that are not UTF-8 as surrogates
    character: str
    width: int  # pixels, after EXIF rotation
    height: int
    format: str  # png, jpg, webp, ...: by content
    bytes: int
    edge_density: float  # share of edge pixels, 0-1
    sharpness: float  # variance of the Laplacian of the grey image, 0-255 squared
    phash: str  # 64 bits, hex
    flags: tuple[str, ...]  # animated, alpha, rotated, mode, profile, ...
    pixels: str = ""  # hash of the decoded pixels, hex: equal in every container. Empty if not computed
    problem: Problem | None = None  # set if the image could not be read; the measures are then 0
    # The first folder below the character's: an outfit, a form. Empty: none. A drawn picture's is its parent's.
    variant: str = ""

    @property
    def same(self) -> str:
        """What two files of the same picture have in common."""
        return self.pixels or self.sha256


class ToDescribe(NamedTuple):
    """What a sentence is to say, and what it must not."""

    tags: tuple[str, ...]  # Danbooru's names with underscores, in the caption's order, without trigger words
    dropped: frozenset[str] = frozenset()  # pruned traits, and tags that the settings never want
    triggers: tuple[str, ...] = ()  # stand in front of the sentence, so never in it
    length: Literal["short", "medium", "long"] = "medium"
    picture: bytes | None = None  # a JPEG, for a captioner that looks


class Sentence(NamedTuple):
    """One line of plain text that ends with a full stop; empty only without tags."""

    text: str
    by: str  # `grammar`, or the captioner's name
    why: str = ""  # why the grammar wrote it in a captioner's place: the end of a sentence; empty: it did not


@dataclass(frozen=True, slots=True)
class TagScores:
    """A tagger's scores above the floor for one image, best first."""

    vocabulary: "Vocabulary"
    index: np.ndarray  # int32 [K], into the vocabulary
    score: np.ndarray  # float16 [K], 0-1
    second: "TagScores | None" = None  # the second reader's; None: it has not read the image


@dataclass(frozen=True)
class Vocabulary:
    """The names of a tagger's outputs. id is a hash of all that is here: it identifies the scores that belong to it."""

    id: str
    names: tuple[str, ...]  # underscored, as Danbooru writes them
    categories: tuple[str, ...]  # general, character, artist, series, meta or rating; one per name
    thresholds: tuple[float, ...] = ()  # the tagger's own, 0-1; one per name, or none at all


@dataclass(frozen=True, slots=True)
class Tag:
    name: str
    category: str
    score: float


@dataclass(frozen=True, slots=True)
class Removed:
    """A tag that passed its threshold but is not in the caption."""

    name: str
    why: Literal["filter", "trait", "overlap", "limit", "settings", "category", "crop"]


UNSAID = ("trait", "settings", "crop")  # why a sentence must not say a tag either


@dataclass(frozen=True, slots=True)
class Seen:
    """How often a character shows a tag."""

    images: int  # real images with the tag
    of: int  # real images that can show it
    bound: float  # lower Wilson bound of images/of, two-sided 90 %
    core: bool
    intrinsic: bool
    trait: bool
    why: str  # one clause, for `prep status`


@dataclass(frozen=True)
class Profile:
    """What the real images of a character, or of one variant of it, have in common."""

    character: str
    trigger: str
    images: int
    tags: dict[str, Seen]  # underscored name -> how often, most often first
    always: tuple[str, ...] = ()  # underscored names that the settings add to each of its captions
    never: frozenset[str] = frozenset()  # and those that they remove
    variant: str = ""  # empty: all of the character
    variant_trigger: str = ""  # empty: the variant has none of its own
    unseen: frozenset[str] = frozenset()  # of a crop: underscored names that it cannot show

    @property
    def core(self) -> tuple[str, ...]:
        return tuple(name for name, seen in self.tags.items() if seen.core)

    @property
    def body(self) -> frozenset[str]:
        """The core tags of an intrinsic kind: traits, and tags that would be traits if more images showed them."""
        return frozenset(name for name, seen in self.tags.items() if seen.core and seen.intrinsic)

    @cached_property
    def traits(self) -> frozenset[str]:
        return frozenset(name for name, seen in self.tags.items() if seen.trait)

    @property
    def triggers(self) -> tuple[str, ...]:
        """What its captions begin with: the character's trigger word, then the variant's."""
        return (self.trigger, self.variant_trigger) if self.variant_trigger else (self.trigger,)

    @cached_property
    def shaping(self) -> bytes:
        """All of it that a caption follows from: triggers, traits, and what the settings put in and keep out."""
        lists = self.always, sorted(self.never), sorted(self.traits)
        unseen = [sorted(self.unseen)] if self.unseen else []  # so that other captions are remembered as before
        return json.dumps([*self.triggers, *lists, *unseen]).encode()


@dataclass(frozen=True, slots=True)
class Caption:
    """The caption of an image's scores under the present settings."""

    tags: tuple[Tag, ...]  # in the caption's order, without the triggers
    removed: tuple[Removed, ...]
    rating: str | None
    threshold: float
    items: tuple[str, ...]  # the comma items of the text, triggers first
    text: str
    proof: bytes  # a digest of the items and of all that they follow from; see Composer.proof
    triggers: int = 1  # how many of the items are trigger words: the character's, and the variant's


class Editing(NamedTuple):
    """How a model edits unless something else is asked for."""

    strength: float  # share of the steps that are taken, 0-1
    source: float  # CFG scale of the source prompt
    target: float
    unchanged: float = 0.0  # share of the strongest change below which the parent's pixels stay; 0: none stay


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Everything that affects a drawn picture. Settings that only affect its cost are not here."""

    prompt: str  # for the CLIPs, and for T5 unless there is a sentence
    negative: str
    width: int  # pixels, divisible by 16
    height: int
    steps: int
    guidance: float
    sampler: str  # one of the generator's own
    # Of img2img and edits, 0-1: the share of the steps that are taken. None: nothing of the parent's pixels is used.
    strength: float | None
    parent: str | None  # sha256 of the real image that it is drawn from, or whose tags it uses
    index: int  # distinguishes repeats of the same picture
    generator: str  # the name of the weights
    weights: str  # digest of their files
    precision: str  # of weights and arithmetic, such as fp8-scaled/bf16
    # Added since 0.1.0, and each with a default:
    manner: Manner = "draw"
    sentence: str = ""  # for T5; empty: it reads the prompt
    source: str = ""  # of an edit: a prompt for what the parent shows
    source_sentence: str = ""  # the same for T5
    source_guidance: float = 0.0  # of an edit: the CFG scale of its source prompt
    unchanged: float = 0.0  # of an edit: share of its strongest change below which the parent's pixels stay
    scene: str = ""  # of a composite: the key of the scene
    cut: str = ""  # of a composite: how the figure was cut out: alpha, plain, or the digest of a matting model
    own_seed: int | None = None  # asked for by name, through the service; None: from everything else

    @cached_property
    def content(self) -> dict[str, Any]:
        """Everything that affects it, by name: hashed for its key, and written into its PNG.

        A field added later is included only if it is not at its default, so that the keys of 0.1.0 stay.
        """
        found = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {name: value for name, (value, default) in found.items() if value != default}

    @property
    def whole_prompt(self) -> str:
        """All that the encoders read, for people: the tags of the CLIPs, and on a second line what T5 reads."""
        return f"{self.prompt}\n{self.sentence}" if self.sentence else self.prompt

    @cached_property
    def seed(self) -> int:
        """31 bits from everything else, but not from the clock or the position in a plan; or the one asked for."""
        return int(self._digest()[:8], 16) >> 1 if self.own_seed is None else self.own_seed

    @cached_property
    def key(self) -> str:
        """16 hex digits: the name of the picture's file."""
        return self._digest(self.seed)[:16]

    def _digest(self, *more: int) -> str:
        return hashlib.sha256(json.dumps([self.content, *more], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """Why a picture is requested."""

    kind: Kind
    character: str
    asked: tuple[str, ...]  # the tags in the prompt, underscored: what the check looks for
    changes: tuple[str, ...]  # the ones that the parent does not have


@dataclass(frozen=True, kw_only=True)
class GenerationRequest(Purpose, Picture):
    """One picture to draw for a set: what it is, and what for. Both are part of its key and its seed."""

    def of(self, character: str, formerly: str | None = None) -> "GenerationRequest":
        """The same picture of a character that is called otherwise now: key, seed and content stay as it was drawn.

        formerly: its name at the last run, if it has been renamed since.
        """
        now = replace(self, character=character)
        vars(now).update(content=self.content, seed=self.seed, key=self.key, formerly=formerly or character)
        return now

    @cached_property
    def formerly(self) -> str:
        """What its character was called at the last run."""
        return self.character


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict on a drawn picture from the tagger's reading. docs/CHECK.md has the formula."""

    score: float  # 0-1
    kept: bool
    # Why not: off_character, contradiction, copy, not_judgeable, damaged, another_character, not_empty (a scene).
    reason: str | None
    found: tuple[str, ...] = ()  # requested tags that were read
    missing: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()  # tags read that contradict a requested one
    not_judgeable: tuple[str, ...] = ()  # requested tags that the tagger does not know
    identity: float | None = None  # what the witness of identity measured; None: not measured
    damage: float | None = None  # what the witness of damage measured, 0-1; None: not measured
    alike: float | None = None  # of a consistency sample: like identity, but to the character's other samples


WITNESSED = ("identity", "damage")  # of a Check: what witnesses judge by
MEASURES = (*WITNESSED, "alike")  # and all that they measured


@dataclass(frozen=True, slots=True)
class Made:
    """What a picture that is not from SRC was made from, and how."""

    by: Literal["crop", "generator", "composite"]
    parent: str | None  # sha256 of the real image that it is made from, or whose tags it uses
    recipe: str  # of everything that affects it; for a drawn picture its request's key, for a crop its own
    request: GenerationRequest | None = None  # if a generator drew it
    check: Check | None = None  # if a tagger read it back
    judged: Check | None = None  # the check's own verdict, if the user overruled it
    part: Part | None = None  # of a crop: what it shows


CAPTION_SOURCES = {"machine": "by prep", "hand": "yours", "merged": "yours with new tags"}  # in a manifest: in words


class Worded(NamedTuple):
    """What the text of a caption in a form is made of."""

    form: str  # a name in captions/forms.py
    listed: str  # the tags, with the user's changes: what captions are merged by
    sentence: str = ""
    own: bool = False  # whether the sentence is the user's
    by: str = ""  # who wrote it, if it is not: grammar, or a captioner's name
    why: str = ""  # why it is the grammar's, although a captioner was asked


class Row(NamedTuple):
    """One row of the manifest in the making. Grows through `_replace`."""

    ref: ImageRef
    origin: Origin = "source"
    status: Status = "kept"
    reason: str | None = None
    flags: tuple[str, ...] = ()
    near_of: str | None = None
    complexity: str | None = None
    caption: Caption | None = None  # or captions/remembered.py's, which has all of it
    hand_text: str | None = None  # a .txt beside the image in SRC
    final_text: str | None = None  # after hand edits were merged in
    caption_source: str | None = None  # of CAPTION_SOURCES
    exported: str | None = None  # path relative to the dataset folder
    made: Made | None = None  # set if prep made the picture; ref.path is then relative to the dataset folder
    worded: Worded | None = None  # set if captions are in the form of a base model

    @property
    def trains(self) -> bool:
        return trains(self.origin, self.status)


def is_real(origin: str) -> bool:
    """Whether a picture is the user's own, from SRC."""
    return origin == "source"


def is_drawn(origin: str) -> bool:
    """Whether a generator drew a picture, or a part of it."""
    return origin not in ("source", "crop")


def trains(origin: str, status: str) -> bool:
    """Whether a picture belongs to the training set: real ones, crops of them, and augmentations that passed the check.

    This is the one place that decides it, for rows of a run and for rows of a manifest.
    """
    return status == "kept" and origin in ("source", "crop", "augmentation")


@dataclass(frozen=True, slots=True)
class Summary:
    """What an exporter did."""

    images: int
    written: int
    unchanged: int
    removed: int
