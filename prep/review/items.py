"""One picture of a set, as the page has it."""

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from sys import intern
from typing import Any

from prep.options import LEVELS
from prep.types import BY_HAND, is_drawn, trains

ID_BYTES = 6


@dataclass(slots=True)
class Item:
    """One picture."""

    id: str
    at: int  # its place in the manifest
    place: int  # its place on the page
    picture: str  # image key
    image_id: str
    file: str | None
    source: str | None
    character: str
    variant: str
    origin: str
    by_prep: str  # the manifest's status
    why: str | None  # the manifest's reason
    flags: tuple[str, ...]
    near_of: str | None
    parent_id: str | None
    manner: str | None
    level: str | None
    format: str | None
    width: int
    height: int
    score: float | None
    text: str | None = None  # the present caption
    listed: str | None = None  # its tags, where the caption is another text made of them (captions.for)
    keys: frozenset[str] = frozenset()  # its tags
    then: str | None = None  # what the next run will write, if that differs
    verdict: str | None = None
    touched: bool = False
    caption_by: str | None = None  # machine, hand or merged
    folded: str = ""  # its caption as filters compare it
    retouched: str | None = None  # sha256 of the user's version of the picture
    disagrees: tuple[str, ...] | None = None  # tags about which two readers differ; None: there is one reader
    apart: float = 0.0  # how far their scores of the first of these are apart, 0-1

    @property
    def name(self) -> str:
        return PurePosixPath(self.source or self.file or self.image_id).name

    @property
    def status(self) -> str:
        if self.by_prep == "kept" and self.verdict in ("excluded", "rejected"):
            return self.verdict
        return self.by_prep

    @property
    def reason(self) -> str | None:
        return BY_HAND if self.status == "rejected" and self.by_prep == "kept" else self.why

    @property
    def captioned(self) -> bool:
        return trains(self.origin, self.by_prep) and self.text is not None

    @property
    def _made_by(self) -> str | None:
        if is_drawn(self.origin):
            return "composite" if self.manner == "composite" else "generator"
        return "crop" if self.origin == "crop" else None

    def row(self) -> dict[str, Any]:
        """As the page has it."""
        return {
            "id": self.id,
            "name": self.name,
            "place": self.source or self.file,
            "character": self.character,
            "variant": self.variant or None,
            "origin": self.origin,
            "made_by": self._made_by,
            "status": self.status,
            "verdict": self.verdict,
            "reason": self.reason,
            "flags": self.flags,
            "width": self.width,
            "height": self.height,
            "caption": self.text if self.captioned else None,
            "touched": self.touched,
            "score": self.score,
            "then": self.then,
        }


def item_of(at: int, row: dict[str, Any]) -> Item:
    """row: of Set.rows."""
    about = row["disagreements"]
    source, file = row["source"], row["file"]
    name = f"{row['picture']}\0{source or ''}".encode("utf-8", "surrogatepass")  # a drawn one's file moves
    digest = hashlib.blake2b(name, digest_size=ID_BYTES)
    return Item(
        id=digest.hexdigest(), at=at, place=at, picture=row["picture"], image_id=row["image_id"] or "",
        file=file, source=source,
        character=intern(row["character"]), variant=row["variant"] or "", origin=intern(row["origin"]),
        by_prep=row["by_prep"], why=None if row["by_prep"] == "kept" else row["reason"],
        flags=tuple(row["flags"] or ()), near_of=row["near_of"], parent_id=row["parent_id"], manner=row["manner"],
        level=row["complexity"] if row["complexity"] in LEVELS else None, format=row["format"],
        width=row["width"] or 0, height=row["height"] or 0,
        score=row["check_score"], text=row["caption"], caption_by=row["caption_source"],
        disagrees=None if about is None else tuple(intern(each["name"]) for each in about),
        apart=abs(about[0]["first"] - about[0]["second"]) if about else 0.0,
    )  # fmt: skip
