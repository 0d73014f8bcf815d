"""A finished OUT, opened: the one reader of it, for status, formats, hub, review and service.

Rows are the manifest's, updated with the user's decisions since, whether or not a run has applied them. Nothing is
written here; `edits` is the way to change things.
"""

import glob
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from prep.dataset.folders import check_folders
from prep.dataset.rows import manifest_facts, manifest_rows
from prep.edits.decisions import Verdicts
from prep.edits.edits import Edits
from prep.edits.history import Verdict
from prep.edits.placed import EXPORT, LEFT_OUT
from prep.edits.sidecar import LONGEST_BYTES, caption_text
from prep.errors import ImageError, UsageError
from prep.files import PICTURE_BYTES, is_regular, read_file
from prep.images import SUFFIXES
from prep.ledger import Ledger
from prep.names import printable
from prep.types import BY_HAND

# The manifest's columns; `picture`: the image key that decisions refer to; `by_prep`: the status without the decisions
# since.
Row = dict[str, Any]
NEEDED = ("image_id", "character", "status", "reason", "origin", "file")
SHORTEST = 6  # letters of a hash that are enough to name a picture


def is_no_copy(row: Row) -> bool:
    """For `rows`: copies of a picture have its image key too, and no file."""
    return row["status"] != "duplicate"


class Set:
    """The content of OUT. Raises UsageError when prep did not make it, or one of its folders is a link."""

    def __init__(self, out: Path, ledger: Ledger | None = None) -> None:
        """ledger: that of this OUT, if the caller has it open. By default a damaged ledger raises when rows are read:
        an excluded picture must not be published because its exclusion was lost.
        """
        check_folders(out)
        if not (out / ".prep").is_dir():
            raise UsageError(f"{out} was not made by prep", hint="name a folder that `prep run` wrote")
        self.out = out
        self.ledger = ledger or Ledger(out / ".prep" / "ledger")

    @cached_property
    def _verdicts(self) -> dict[str, Verdict]:
        exports = self.ledger.values(EXPORT, "subject", "state")
        return Verdicts(self.ledger, (picture for picture, state in exports if state in LEFT_OUT)).verdicts()

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The `settings` that shaped the set, and prep's `version`. Raises UsageError when the set is not finished."""
        try:
            return manifest_facts(self.out)
        except FileNotFoundError:
            raise UsageError(
                f"{self.out} is not finished: it has no manifest.parquet", hint="let `prep run` finish"
            ) from None

    def rows(self, where: Callable[[Row], bool] | None = None, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows that `where` accepts, in the manifest's order; nothing before the first run has finished.

        columns: those to read, besides the ones that identify the picture; None: all.
        """
        wanted = None if columns is None else list(dict.fromkeys((*NEEDED, *columns)))
        try:
            for row in manifest_rows(self.out, wanted):
                row = self._as_decided(row)
                if where is None or where(row):
                    yield row
        except FileNotFoundError:
            return

    def picture(self, key: str) -> Row:
        """All that is known about one picture: its row, with `caption` from its .txt, and `path`.

        key: as for `find`. Raises UsageError when it matches none or several.
        """
        (picture,) = self.find([key])
        row = next(self.rows(lambda row: row["picture"] == picture))
        path = as_it_lies(self.out / row["file"]) if row["file"] else None
        return row | {"path": path if path and path.exists() else None, "caption": self.caption(row)}

    def caption(self, row: Row) -> str | None:
        """The text of its .txt; the manifest's caption if the .txt is missing or cannot be read."""
        if not row["file"] or not row["file"].startswith("kohya/"):
            return row.get("caption")
        try:
            return read_caption(self.out / row["file"])
        except (OSError, ValueError):
            return row.get("caption")

    def removed(self) -> Iterator[Row]:
        """The rows of pictures that are not trained on although they could be, each with its `reason`."""
        return self.rows(lambda row: row["status"] in ("rejected", "excluded", "duplicate"))

    def edits(self, ledger: Ledger, by: str) -> Edits:
        """The way to make decisions. The caller holds the OUT's lock. by: who decides, as the history records it."""
        return Edits(self.out, ledger, by)

    def find(self, keys: Sequence[str]) -> list[str]:
        """The pictures (image keys) that are named: by a path in SRC or OUT, a file name with or without its ending, or
        the first letters of a hash.

        Raises UsageError for a key that matches none or several.
        """
        rows = list(self.rows(columns=["source"]))
        return list(dict.fromkeys(self._found(key, rows) for key in keys))

    def _found(self, key: str, rows: Sequence[Row]) -> str:
        inside = self._inside(key)
        for names in (_exact, _named, _begun):
            found = {row["picture"]: row for row in rows if names(row, key) or names(row, inside)}
            if len(found) == 1:
                return next(iter(found))
            if found:
                places = ", ".join(sorted((row["source"] or row["file"] or "") for row in found.values())[:5])
                raise UsageError(f"{key} matches {len(found)} pictures: {places}", hint="name one by its path")
        # A drawn picture that was accepted is in kohya/ by another name than in generated/.
        digests = self._digests(key)
        if len(drawn := {row["picture"] for row in rows if row["image_id"] in digests}) == 1:
            return drawn.pop()
        hint = "use a path in SRC, or a file in kohya/ or generated/"
        if several := sorted({row["picture"] for row in rows if key == row["character"]}):
            hint = (
                f"name its {len(several):,} pictures one by one; to leave out a character, move its folder out of SRC"
            )
        raise UsageError(f"{key} is not a picture of {self.out}", hint=hint)

    def _digests(self, key: str) -> set[str]:
        """sha256 of the files of OUT that the key names: by a path or, in generated/, a name with or without ending."""
        inside = self._inside(key)
        named = (self.out / "generated").glob(f"*/**/{glob.escape(key)}*") if "/" not in inside else ()
        paths = [path for path in named if key in (path.name, path.stem)] or [self.out / inside]
        found = set()
        for path in paths:
            with suppress(OSError):
                found.add(hashlib.sha256(read_file(path, PICTURE_BYTES)).hexdigest())
        return found

    def _inside(self, key: str) -> str:
        """The path of a file in OUT, as the manifest has it; the file may be gone."""
        path, out = Path(key).absolute(), self.out.absolute()
        return path.relative_to(out).as_posix() if path.is_relative_to(out) else key

    def _as_decided(self, row: Row) -> Row:
        row["picture"] = f"{row['character']}/{row['image_id']}"
        row["by_prep"] = row["status"]
        verdict = self._verdicts.get(row["picture"])
        if verdict == "excluded" and row["status"] == "kept":
            row["status"] = "excluded"
        elif verdict == "rejected" and row["status"] == "kept":
            row["status"], row["reason"] = "rejected", BY_HAND
        return row


def as_it_lies(path: Path) -> Path:
    """A picture's file, or what the user has converted it to since the last run: its stem with another ending."""
    if path.is_symlink() or path.exists():
        return path
    converted = (path.with_suffix(ending) for ending in sorted(SUFFIXES))
    return next(filter(is_regular, converted), path)


def read_caption(picture: Path) -> str:
    """The text of the .txt beside it, without a BOM and without white space around it. Raises OSError, ValueError.

    Never through a link: its target may be a secret, and captions are published.
    """
    try:
        return caption_text(read_file(picture.with_suffix(".txt"), LONGEST_BYTES))
    except ImageError as error:
        raise ValueError(error.message) from None


def _exact(row: Row, key: str) -> bool:
    return key in (row["picture"], row["source"], row["file"])


def _named(row: Row, key: str) -> bool:
    places = (PurePath(place) for place in (row["source"], row["file"]) if place)
    return any(key in (place.name, place.stem) for place in places)


def _begun(row: Row, key: str) -> bool:
    return len(key) >= SHORTEST and (row["image_id"] or "").startswith(printable(key).lower())
