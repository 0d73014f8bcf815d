"""All pictures of a set as the page shows them: the manifest's rows with the user's decisions since. In memory.

What is long and rarely asked for (tags with scores, prompts) stays in Arrow's columns. Thread-safe: one lock.
"""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from sys import intern
from typing import Any

from prep.dataset.opened import Set
from prep.edits.edits import Edits
from prep.edits.merge import is_tag_list, items, key
from prep.errors import UsageError
from prep.review.filters import Both, Condition, Either, Is, Not
from prep.types import BY_HAND, is_real, trains

COLUMNS = (
    "source", "variant", "width", "height", "flags", "near_of", "check_score", "parent_id", "caption",
    "caption_source", "complexity", "manner", "format",
)  # fmt: skip
ID_BYTES = 6
ORDER = {"source": 0, "augmentation": 1, "consistency": 2, "reconstruct": 3, "scene": 4}  # of a character's pictures
MOST_CHANGES = 50_000  # that are remembered, so that a tab learns what is new


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
    keys: frozenset[str] = frozenset()  # its tags
    then: str | None = None  # what the next run will write, if that differs
    verdict: str | None = None
    touched: bool = False
    caption_by: str | None = None  # machine, hand or merged

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

    def row(self) -> dict[str, Any]:
        """As the page has it."""
        return {
            "id": self.id,
            "name": self.name,
            "place": self.source or self.file,
            "character": self.character,
            "variant": self.variant or None,
            "origin": self.origin,
            "made_by": None if is_real(self.origin) else "composite" if self.manner == "composite" else "generator",
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


class Board:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.items: list[Item] = []
        self.by_id: dict[str, Item] = {}
        self.by_picture: dict[str, list[Item]] = {}
        self.by_image: dict[str, list[Item]] = {}
        self.tagged: dict[str, set[int]] = {}  # tag -> places of the items with it
        self.spelt: dict[str, str] = {}  # tag -> how a caption has it
        self.version = int(time.time() * 1000)  # later than that of any server before
        self.whole = self.version  # at which all was read anew
        self.changes: list[tuple[int, str]] = []  # (version, id)

    def load(self, of_set: Set, edits: Edits) -> None:
        """Read all anew. edits: with the user's decisions."""
        items_ = [_item(at, row) for at, row in enumerate(of_set.rows(columns=COLUMNS))]
        items_.sort(key=lambda item: (item.character, ORDER.get(item.origin, len(ORDER)), item.at))
        for place, item in enumerate(items_):
            item.place = place
        texts = edits.decisions.texts(item.picture for item in items_)
        verdicts, by_hand = edits.decisions.verdicts(), edits.decisions.by_hand()
        with self.lock:
            self.items, self.tagged, self.spelt = items_, {}, {}
            self.by_id = {item.id: item for item in items_}
            self.by_picture, self.by_image = {}, {}
            for item, text in zip(items_, list(texts), strict=True):
                item.verdict = verdicts.get(item.picture)
                item.touched = item.picture in by_hand
                self.by_picture.setdefault(item.picture, []).append(item)
                self.by_image.setdefault(item.image_id, []).append(item)
                self._say(item, text if text is not None else item.text)
            self.version += 1
            self.whole = self.version
            self.changes = []

    def update(self, edits: Edits, pictures: Iterable[str]) -> list[Item]:
        """Take over what was decided about these pictures -> their items."""
        found = []
        with self.lock:
            self.version += 1
            for picture in pictures:
                hand = edits.decisions.entry(picture)
                verdict = edits.decisions.verdict(picture)
                for item in self.by_picture.get(picture, ()):
                    item.verdict = verdict
                    item.touched = hand.by_hand or verdict is not None
                    if hand.hand.text not in (None, item.text):
                        item.then = None
                        self._say(item, hand.hand.text)
                    self.changes.append((self.version, item.id))
                    found.append(item)
            if len(self.changes) > MOST_CHANGES:
                self.whole, self.changes = self.version, []
        return found

    def foresee(self, then: Mapping[str, str]) -> None:
        """then: picture -> the caption that the next run will write, where that differs from the present one."""
        with self.lock:
            changed = [item for item in self.items if item.then != then.get(item.picture)]
            self.version += bool(changed)
            for item in changed:
                item.then = then.get(item.picture)
                self.changes.append((self.version, item.id))

    def since(self, version: int) -> list[Item] | None:
        """The items that have changed since; None: all may have."""
        with self.lock:
            if version < self.whole or version > self.version:
                return None
            ids = dict.fromkeys(id_ for at, id_ in reversed(self.changes) if at > version)
            return [self.by_id[id_] for id_ in ids]

    def item(self, id_: str) -> Item:
        """Raises UsageError for one that is not there."""
        if (found := self.by_id.get(id_)) is None:
            raise UsageError("this picture is not in the set any longer", hint="load the page again")
        return found

    def where(self, condition: Condition) -> list[Item]:
        """In the order of the page."""
        with self.lock:
            places = self._places(condition, set(range(len(self.items))))
            return [self.items[at] for at in sorted(places)]

    def counts(self, found: Collection[Item] | None = None) -> Counter[str]:
        """Tag -> in how many captions of these pictures it is. None: of all that train."""
        with self.lock:
            chosen = (item for item in (self.items if found is None else found) if item.captioned)
            return Counter(name for item in chosen for name in item.keys)

    def _say(self, item: Item, text: str | None) -> None:
        """Its caption is this from now on."""
        for name in item.keys:
            self.tagged[name].discard(item.place)
        item.text = text
        said = items(text) if item.captioned and is_tag_list(text) else []
        names = {}
        for each in said:
            name = intern(key(each))
            names[name] = None
            self.spelt.setdefault(name, each)
            self.tagged.setdefault(name, set()).add(item.place)
        item.keys = frozenset(names)

    def _places(self, condition: Condition, within: set[int]) -> set[int]:
        """Of the items within that meet it."""
        match condition:
            case Both(parts):
                for part in parts:
                    within = self._places(part, within)
                return within
            case Either(parts):
                return set().union(*(self._places(part, within) for part in parts))
            case Not(part):
                return within - self._places(part, within)
            case Is(field="tag"):
                names = [key(condition.value)] if "*" not in condition.value else filter(condition.matches, self.tagged)
                return within & set().union(*(self.tagged.get(name, set()) for name in names))
        meets = _MEETS[condition.field](condition)
        return {at for at in within if meets(self.items[at])}


def _item(at: int, row: dict[str, Any]) -> Item:
    """row: of Set.rows."""
    source, file = row["source"], row["file"]
    name = f"{row['picture']}\0{source or file}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(name, digest_size=ID_BYTES)
    return Item(
        id=digest.hexdigest(), at=at, place=at, picture=row["picture"], image_id=row["image_id"] or "",
        file=file, source=source,
        character=intern(row["character"]), variant=row["variant"] or "", origin=intern(row["origin"]),
        by_prep=row["by_prep"], why=None if row["by_prep"] == "kept" else row["reason"],
        flags=tuple(row["flags"] or ()), near_of=row["near_of"], parent_id=row["parent_id"], manner=row["manner"],
        level=row["complexity"], format=row["format"], width=row["width"] or 0, height=row["height"] or 0,
        score=row["check_score"], text=row["caption"], caption_by=row["caption_source"],
    )  # fmt: skip


def _text(read: Any) -> Any:
    """A condition on one text of an item."""
    return lambda condition: lambda item, matches=condition.matches: matches(read(item) or "")


def _number(read: Any) -> Any:
    compared = {"<": float.__lt__, "<=": float.__le__, ">": float.__gt__, ">=": float.__ge__, "=": float.__eq__}

    def meets(condition: Is) -> Any:
        compare, number = compared[condition.sign], condition.number
        return lambda item: (value := read(item)) is not None and compare(float(value), number)

    return meets


def _caption(condition: Is) -> Any:
    wanted = key(condition.value)
    pieces = wanted.split("*")
    return lambda item: item.captioned and all(piece in key(item.text) for piece in pieces)


def _origin(condition: Is) -> Any:
    """`drawn`: all that is not real."""
    if condition.value.lower() == "drawn":
        return lambda item: not is_real(item.origin)
    return _text(lambda item: item.origin)(condition)


def _any(read: Any) -> Any:
    """A condition on one of several texts of an item."""
    return lambda condition: lambda item, matches=condition.matches: any(map(matches, read(item)))


def _name(condition: Is) -> Any:
    """Part of the file's name."""
    pieces = key(condition.value).split("*")
    return lambda item: all(piece in key(item.name) for piece in pieces)


_STATES = {
    "touched": lambda item: item.touched,
    "untouched": lambda item: not item.touched,
    "edited": lambda item: item.touched and item.verdict is None,
    "drawn": lambda item: not is_real(item.origin),
    "real": lambda item: is_real(item.origin),
    "changing": lambda item: item.then is not None,
}
_MEETS = {
    "character": _text(lambda item: item.character),
    "variant": _text(lambda item: item.variant),
    "origin": _origin,
    "status": _text(lambda item: item.status),
    "verdict": _text(lambda item: item.verdict),
    "reason": _text(lambda item: item.reason),
    "flag": _any(lambda item: item.flags),
    "caption": _caption,
    "name": _name,
    "is": lambda condition: _STATES[condition.value],
    "score": _number(lambda item: item.score),
    "tags": _number(lambda item: len(item.keys)),
    "width": _number(lambda item: item.width),
    "height": _number(lambda item: item.height),
}
