"""A finished set, as another trainer should see it: the manifest's rows with kohya/ as it is now.

A picture that the user removed, or excluded by a command, is left out here too, and the .txt is the caption. Writes
nothing.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from prep.captions.forms import FORMS, Form, form_of
from prep.captions.parted import first_word
from prep.dataset.linked import check_picture
from prep.dataset.opened import Set, as_it_lies, read_caption
from prep.edits.placed import check_repeats
from prep.errors import UsageError
from prep.files import NotAFileError
from prep.names import numbered_folder, slug_of_group
from prep.types import is_real, trains

COLUMNS = ["width", "height", "caption"]  # besides those that identify a picture
PLACE = re.compile(r"kohya/\d+_([^/]+)/([^/]+)")


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of the set."""

    path: Path  # in kohya/
    group: str
    character: str
    origin: str  # source, crop or augmentation
    image_id: str  # sha256 of the source file, hex
    width: int  # pixels, after EXIF rotation
    height: int
    caption: str  # the text of its .txt, without a BOM and without white space around it; empty: emptied by hand

    @property
    def key(self) -> str:
        """12 hex digits, unique in the set; the same after the repeats have changed."""
        return sha256(f"{self.group}/{self.path.name}".encode("utf-8", "surrogatepass")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Group:
    """One folder of kohya/."""

    name: str  # without the repeats: safe as a folder name
    repeats: int
    trigger: str  # the first tag of most of its captions
    pictures: tuple[Picture, ...]

    @property
    def drawn(self) -> bool:
        return not any(is_real(picture.origin) for picture in self.pictures)


@dataclass(frozen=True)
class FinishedSet:
    out: Path
    resolution: int  # pixels, from dataset.toml
    groups: tuple[Group, ...]
    left_out: dict[str, str] = field(default_factory=dict)  # file -> why it cannot be used
    base: str = ""  # the base model that the captions are for, as `captions.for` names it

    @property
    def pictures(self) -> Iterator[Picture]:
        return (picture for group in self.groups for picture in group.pictures)

    @property
    def images(self) -> int:
        return sum(len(group.pictures) for group in self.groups)

    @property
    def characters(self) -> int:
        return len({picture.character for picture in self.pictures})

    @property
    def steps_an_epoch(self) -> int:
        """Images times repeats."""
        return sum(group.repeats * len(group.pictures) for group in self.groups)


def read_set(out: Path) -> FinishedSet:
    """Raises UsageError when out is not a finished set, or one of its folders is a link."""
    found = Set(out)
    settings = found.facts["settings"]
    rows = list(found.rows(lambda row: trains(row["origin"], row["status"]) and row["file"], COLUMNS))
    folders = _folders(out)
    pictures: dict[str, list[Picture]] = defaultdict(list)
    left_out: dict[str, str] = {}
    for row in rows:
        place = PLACE.fullmatch(row["file"])
        if place is None or ".." in place.groups():
            raise UsageError(f"{out}: the manifest names a file outside kohya/", hint="run prep again")
        group, name = place.groups()
        if group not in folders:
            raise UsageError(f"{out}: the folder of {group} is missing from kohya/", hint="`prep run` rebuilds it")
        path = as_it_lies(folders[group][1] / name)
        try:
            check_picture(path, row["image_id"])
            caption = _caption(path, row["caption"])
        except FileNotFoundError:
            continue
        except NotAFileError as error:
            left_out[row["file"]] = error.strerror
            continue
        except (OSError, ValueError) as error:
            left_out[row["file"]] = str(error)
            continue
        pictures[group].append(
            Picture(path, group, row["character"], row["origin"], row["image_id"], row["width"], row["height"], caption)
        )
    if not pictures:
        raise UsageError(f"{out} has no image to train on", hint="see `prep status` for the reasons")
    base = base_of(settings)
    form = form_of(base)
    groups = tuple(
        Group(
            name, folders[name][0], _trigger(name, found, form), tuple(sorted(found, key=lambda each: each.path.name))
        )
        for name, found in sorted(pictures.items())
    )
    return FinishedSet(out, _resolution(settings), groups, left_out, base)


def base_of(settings: dict[str, Any]) -> str:
    """The base model that the captions of a manifest's settings are for; empty: none, or one that is not known here."""
    captions = settings.get("captions")
    found = captions.get("for") if isinstance(captions, dict) else None
    return found if isinstance(found, str) and found in FORMS else ""


def _resolution(settings: dict[str, Any]) -> int:
    export = settings.get("export")
    found = export.get("resolution") if isinstance(export, dict) else None
    return found if isinstance(found, int) else 1024


def _folders(out: Path) -> dict[str, tuple[int, Path]]:
    """Group -> (repeats, folder), by the folders' present names: the user may have changed a number."""
    found: dict[str, tuple[int, Path]] = {}
    for folder in sorted((out / "kohya").glob("*/")):
        if (name := numbered_folder(folder.name)) and name[0] > 0:
            check_repeats(folder, name[0])
            found[name[1]] = max(found.get(name[1], (0, folder)), (name[0], folder))
    return found


def _caption(picture: Path, known: str | None) -> str:
    """The text of the .txt; if it is missing, what the next run would write. Raises ValueError, OSError."""
    try:
        return read_caption(picture)
    except FileNotFoundError:
        if known is None:
            raise ValueError("has no caption") from None
        return known
    except OSError as error:
        raise ValueError(f"its caption cannot be read ({error.strerror})") from None


def _trigger(group: str, pictures: list[Picture], form: Form) -> str:
    begins = Counter(first_word(form, picture.caption) for picture in pictures)
    begins.pop("", None)
    return min(begins, key=lambda word: (-begins[word], word), default=slug_of_group(group))
