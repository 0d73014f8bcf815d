"""What is published from an OUT: the manifest's rows under readable names, and counts of them.

Rows come from the manifest, captions from kohya/. No column holds a path in SRC: those are the user's own file
names. A sub-folder's name is published only if the settings name it as a variant. Nothing here has seen a hub.
"""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from prep.dataset.linked import check_picture
from prep.dataset.opened import Set, as_it_lies, read_caption
from prep.dataset.rows import manifest_facts
from prep.errors import UsageError
from prep.files import NotAFileError
from prep.names import printable
from prep.types import is_drawn

Value = str | Callable[[dict], Any]  # a column of the manifest, or a function of its row


@dataclass(frozen=True)
class Column:
    name: str
    kind: str  # string, int32, ...; list:string
    what: str
    value: Value


def _each(key: str) -> Callable[[dict], list | None]:
    """One field of a list of structs."""
    column, name = key.split(".")
    return lambda row: None if row[column] is None else [item[name] for item in row[column]]


COLUMNS = (
    Column("text", "string", "the caption, trigger word first", "caption"),
    Column("character", "string", "which character it shows", "character"),
    Column("variant", "string", "which variant of it (an outfit, a form), if the settings name it", "variant"),
    Column(
        "origin",
        "string",
        "source (a real picture), crop (of one), augmentation, consistency or reconstruct (drawn)",
        "origin",
    ),
    Column("status", "string", "kept or rejected", "status"),
    Column("reject_reason", "string", "why it was rejected", "reason"),
    Column("tags", "list:string", "the caption's tags, as Danbooru writes them", _each("tags.name")),
    Column("tag_scores", "list:float32", "the tagger's score of each, 0-1", _each("tags.score")),
    Column("tag_categories", "list:string", "general, rating, ... of each", _each("tags.category")),
    Column(
        "removed_tags", "list:string", "tags above the threshold that are not in the caption", _each("removed.name")
    ),
    Column(
        "removed_because",
        "list:string",
        "why: filter, category, trait, overlap, limit, settings, crop",
        _each("removed.why"),
    ),
    Column("rating", "string", "the best-scoring rating", "rating"),
    Column("complexity", "string", "simple, medium or complex, by edge density", "complexity"),
    Column("threshold", "float64", "the score that a tag needed", "threshold"),
    Column("edge_density", "float64", "share of edge pixels, 0-1", "edge_density"),
    Column("caption_source", "string", "machine, hand or merged", "caption_source"),
    Column("width", "int32", "pixels, after EXIF rotation", "width"),
    Column("height", "int32", "pixels, after EXIF rotation", "height"),
    Column("image_id", "string", "sha256 of the source file", "image_id"),
    Column("file", "string", "its path in the kohya set", "file"),
    Column("perceptual_hash", "string", "64 bits, hex", "phash"),
    Column("near_copy_of", "string", "image_id of the picture that it nearly duplicates", "near_of"),
    Column("flags", "list:string", "near_copy, blurred, animated, shared, starter, ...", "flags"),
    Column("tagger", "string", "the tagger that read it", "tagger"),
    Column(
        "generator",
        "string",
        "the generator that drew it; empty for real pictures, like all columns below",
        "generator",
    ),
    Column("prompt", "string", "the prompt", "prompt"),
    Column("negative_prompt", "string", "the negative prompt: what should not be in the picture", "negative_prompt"),
    Column("seed", "int64", "seed of the noise", "seed"),
    Column("sampler", "string", "the sampler's name", "sampler"),
    Column("steps", "int32", "sampling steps", "steps"),
    Column("guidance_scale", "float64", "guidance scale (CFG)", "guidance_scale"),
    Column("strength", "float64", "img2img strength, 0-1", "strength"),
    Column("parent_image_id", "string", "image_id of the real picture that it was drawn or cut from", "parent_id"),
    Column("check_score", "float64", "how well the requested tags were read back, 0-1", "check_score"),
    Column("check_missing", "list:string", "requested tags that were not read back", "check_missing"),
    Column("check_unwanted", "list:string", "tags read that contradict a requested one", "check_unwanted"),
    Column(
        "manner",
        "string",
        "text, img2img, edit (FlowEdit), or composite (its figure before a scene); of a crop its part",
        "manner",
    ),
    Column("changes", "list:string", "requested tags that its parent does not have", "changes"),
    Column("check_identity", "float64", "how unlike the character it is, by a witness", "check_identity"),
    Column("check_damage", "float64", "how damaged it is, 0-1, by a witness", "check_damage"),
)

REAL, CROPS, AUGMENTATION, SAMPLES, REJECTED = FAMILIES = ("real", "crop", "augmentation", "samples", "rejected")
PLACES = re.compile(r"kohya/[^/]+/[^/]+|generated/[^/]+/[^/]+/[^/]+")  # where a picture may be
STARTER = "starter"  # the models whose names begin so make a trial set
SHOWN_CAPTIONS = 6


@dataclass(frozen=True)
class Item:
    """One published row, and the path of its picture."""

    family: str
    values: dict[str, Any]  # by Column.name
    picture: Path | None
    stamp: tuple[int, int, int] | None  # size, mtime in ns, inode of the picture

    @property
    def digest(self) -> bytes:
        """sha256 of the row, without the picture."""
        return hashlib.sha256(json.dumps(self.values, sort_keys=True).encode("utf-8", "surrogatepass")).digest()


@dataclass
class Counts:
    """The figures of the card, and of the summary before a push."""

    rows: Counter[str] = field(default_factory=Counter)  # by family
    by_character: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    tags: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # of real pictures
    triggers: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    captions: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    levels: Counter[str] = field(default_factory=Counter)
    thresholds: dict[str, float] = field(default_factory=dict)  # by level: what its pictures' tags needed
    ratings: Counter[str] = field(default_factory=Counter)
    taggers: Counter[str] = field(default_factory=Counter)
    generators: Counter[str] = field(default_factory=Counter)
    picture_bytes: int = 0
    gone: int = 0  # pictures that are no longer in OUT
    foreign: Counter[str] = field(default_factory=Counter)  # rows left out, by reason
    starter: bool = False

    @property
    def images(self) -> int:
        return sum(self.rows.values())

    @property
    def drawn(self) -> int:
        return sum(self.generators.values())

    def add(self, item: Item) -> None:
        row = item.values
        character = row["character"] or ""
        self.rows[item.family] += 1
        self.by_character[character][item.family] += 1
        self.picture_bytes += item.stamp[0] if item.stamp else 0
        self.starter |= STARTER in (row["flags"] or ()) or any(
            (row[model] or "").startswith(STARTER) for model in ("tagger", "generator")
        )
        if row["tagger"]:
            self.taggers[row["tagger"]] += 1
        if is_drawn(row["origin"]):
            self.generators[row["generator"] or "unknown"] += 1
        if row["rating"]:
            self.ratings[row["rating"]] += 1
        if item.family != REAL:
            return
        if row["complexity"]:
            self.levels[row["complexity"]] += 1
            if row["threshold"] is not None:
                self.thresholds.setdefault(row["complexity"], row["threshold"])
        passed = zip(row["removed_tags"] or (), row["removed_because"] or (), strict=False)
        self.tags[character].update(
            {*(row["tags"] or ()), *(name for name, why in passed if why not in ("filter", "category"))}
        )
        if row["text"]:
            self.triggers[character][row["text"].split(",")[0].strip()] += 1
            if len(self.captions[character]) < SHOWN_CAPTIONS:
                self.captions[character].append(row["text"])


class Source:
    """The manifest of an OUT, as rows to publish."""

    def __init__(self, out: Path, rejected: bool) -> None:
        self.out, self.rejected = out, rejected
        self.set = Set(out)
        self._checked: dict[Path, tuple[int, int, int]] = {}  # links, by the stamp of their target
        try:
            facts = manifest_facts(out)
        except FileNotFoundError:
            raise UsageError(f"{out} has no manifest.parquet", hint="name a folder that `prep run` wrote") from None
        self.settings, self.version = facts["settings"], facts["version"]
        self._variants = frozenset(_named_variants(self.settings))
        if self.version is None:
            raise UsageError(f"{out / 'manifest.parquet'} does not say which prep made it", hint="run prep again")

    def items(self, counts: Counts | None = None) -> Iterator[Item]:
        """Yield the published rows in the manifest's order, and add each to counts."""
        for row in self.set.rows():
            if (family := self._family(row)) is None:
                continue
            try:
                item = self._item(family, row)
            except NotAFileError as error:
                if counts:
                    counts.foreign[error.strerror] += 1
                continue
            if item is None:
                if counts:
                    counts.gone += 1
                continue
            if counts:
                counts.add(item)
            yield item

    def _family(self, row: dict) -> str | None:
        if row["origin"] == "scene":
            return None
        if row["status"] == "kept":
            return {"source": REAL, "crop": CROPS, "augmentation": AUGMENTATION}.get(row["origin"], SAMPLES)
        return REJECTED if self.rejected and row["status"] == "rejected" else None

    def _item(self, family: str, row: dict) -> Item | None:
        """None when the picture is gone: somebody has removed it. Raises NotAFileError."""
        path, stamp = self._picture(row["file"]), None
        if path:
            try:
                found = path.stat()
                stamp = (found.st_size, found.st_mtime_ns, found.st_ino)
                if self._checked.get(path) != stamp:
                    check_picture(path, row["image_id"])
            except NotAFileError:
                raise
            except OSError:
                return None
            if path.is_symlink():
                self._checked[path] = stamp  # it was read in full: once is enough
            row["caption"] = self._caption(path, row["caption"])
        if (row["character"], row["variant"]) not in self._variants:
            row["variant"] = None
        values = {column.name: column.value(row) if callable(column.value) else row[column.value] for column in COLUMNS}
        return Item(family, values, path, stamp)

    def _picture(self, name: str | None) -> Path | None:
        if not name:
            return None
        path = PurePosixPath(name)
        if ".." in path.parts or not PLACES.fullmatch(name):
            raise UsageError("the manifest names a file outside its folder", hint="run prep again")
        return as_it_lies(self.out / path)

    def _caption(self, picture: Path, caption: str | None) -> str | None:
        """The caption in the .txt, which training reads: it may have been edited since the last run.

        Raises NotAFileError for a link: its target may be a secret, and the row's real caption is unknown.
        """
        try:
            return read_caption(picture) if caption is not None else None
        except NotAFileError as error:
            raise NotAFileError(picture, f"has a caption that {error.strerror}") from None
        except (OSError, UnicodeDecodeError):
            return caption


def _named_variants(settings: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(character, variant), as a manifest spells them, for each table in its settings. They may be anybody's."""
    tables = settings.get("characters")
    for character, own in tables.items() if isinstance(tables, dict) else ():
        variants = own.get("variants") if isinstance(own, dict) else None
        for variant in variants if isinstance(variants, dict) else ():
            yield printable(character), printable(variant)
