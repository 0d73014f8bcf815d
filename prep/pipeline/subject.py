"""Which picture `prep redraw` draws again: in which SRC it is, whose it is, and what a set of that SRC knows about its
character. Writes nothing.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from prep.captions.characters import for_folders
from prep.dataset.opened import Set
from prep.errors import UsageError
from prep.files import PICTURE_BYTES, read_file
from prep.ledger import DryLedger
from prep.models.choose_models import MODEL
from prep.names import printable, slugs
from prep.pipeline.asked import check_settings
from prep.pipeline.preview import preview
from prep.pipeline.status import opened
from prep.scan.find import character_of
from prep.scan.listing import Found, Listing
from prep.sections import Settings
from prep.system import numbers_of
from prep.types import RETOUCHED, Profile

SETS = Path("outputs")  # where `prep run` puts sets by default


@dataclass(frozen=True)
class Home:
    """Where a picture is, before any setting is read."""

    image: Path  # absolute
    src: Path  # the folder that a run would be given
    out: Path | None  # a set that was made from SRC
    inside: Path | None  # the folder that prep made and that the picture is in
    sure: bool  # whether SRC follows from a prep.toml or a set; otherwise from the folders' names


@dataclass(frozen=True)
class Subject:
    """The picture, and whose it is."""

    folder: Path  # its path is relative to this: SRC, or its own folder if it is not in SRC
    path: str
    character: str
    slug: str
    settings: Settings  # with [characters.NAME] under the character's exact name
    profile: Profile | None  # of the set's pictures of this character; None: no other picture is known
    variant_profile: Profile | None  # of those of its variant; None: it has none, or no other picture is known
    tagger: dict | None  # the row of the ledger that names the set's tagger
    variant: str = ""  # empty: none

    @property
    def file(self) -> Path:
        return self.folder / self.path

    @property
    def listing(self) -> Listing:
        """The picture alone, as it is now. Raises OSError."""
        found = Found(self.path, self.character, *numbers_of(self.file.stat()), self.variant)
        return Listing((found,), source=self.character)


def home_of(image: Path) -> Home:
    """SRC is the nearest folder above that has a prep.toml or that a set in outputs/ was made from; for a picture in a
    folder that prep made, that folder's SRC; otherwise the folder above the picture's own.

    Raises UsageError when the image cannot be read, or when the folder that prep made does not say what it was made of.
    """
    try:
        read_file(image, PICTURE_BYTES, follow=True)
    except OSError as error:
        raise UsageError(f"{image} cannot be read ({error.strerror})", hint="name an image file") from None
    image = Path(os.path.abspath(image))  # noqa: PTH100 - a link's character is that of the folder it is in
    for folder in image.parents:
        if (folder / ".prep").is_dir():
            src = opened(folder)[0]
            finished = (folder / "manifest.parquet").is_file()
            return Home(image, src, folder if finished else _set_of(src), folder, sure=True)
        out = _set_of(folder)
        if out or os.path.lexists(folder / "prep.toml"):
            return Home(image, folder, out, None, sure=True)
    return Home(image, image.parent.parent, None, None, sure=False)


def subject_of(home: Home, settings: Settings, drawn: Path) -> Subject:
    """settings: of home.src. drawn: the folder that the picture is drawn into.

    Raises what a run of SRC would raise before it touches anything.
    """
    if not home.sure:
        character = character_of(home.image.parent.name)
        own = for_folders(settings, [character], others=True)
        check_settings(own)
        path = home.image.relative_to(home.src).as_posix()
        return Subject(home.src, path, character, slugs([character])[character], own, None, None, None)
    made = preview(home.src, home.out or drawn, settings)
    listing, given = made.record.listing, made.record.places.slugs
    if home.inside:
        folder, path, character = _in_set(home, given)
    else:
        folder, path = home.src, home.image.relative_to(home.src).as_posix()
        above = path.partition("/")[0] if "/" in path else ""
        listed = (each.character for each in (*listing.files, *listing.left) if each.path == path and each.character)
        character = next(listed, character_of(above) if above else listing.source)
    variant = next((each.variant for each in listing.files if each.path == path and folder == home.src), "")
    slug = given.get(character) or slugs([*given, character], given)[character]
    own = for_folders(settings, [*given, *({character} - {*given})], others=True, variants=listing.variants)
    profile = made.record.profiles.get(character) if home.out else None
    known = DryLedger(home.out / ".prep" / "ledger").rows(MODEL).get("tagger") if home.out else None
    profile = profile if profile and profile.images else None
    of_variant = made.record.variants.get((character, variant)) if profile else None
    return Subject(folder, path, character, slug, own, profile, of_variant, known, variant)


def _set_of(src: Path) -> Path | None:
    """The set in outputs/ that was made from SRC; None: there is none, or its run never finished."""
    out = SETS / src.name
    if src.name and (out / "manifest.parquet").is_file():
        with suppress(UsageError, OSError):
            return out if opened(out)[0].samefile(src) else None
    return None


def _in_set(home: Home, given: dict[str, str]) -> tuple[Path, str, str]:
    """-> (folder, path in it, character). The picture in SRC, if it is a copy of one and was not changed by hand."""
    image = home.image
    parts = image.relative_to(home.inside).parts
    drawn = next((name for name, slug in given.items() if parts[0] == "generated" and slug == parts[1]), None)
    if drawn:
        return image.parent, image.name, drawn
    row = Set(home.inside).picture(str(image))
    character = next((name for name in given if printable(name) == row["character"]), row["character"])
    if row["source"] and RETOUCHED not in row["flags"] and (home.src / row["source"]).is_file():
        return home.src, row["source"], character
    return image.parent, image.name, character
