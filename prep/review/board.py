"""All pictures of a set as the page shows them: the manifest's rows with the user's decisions since. In memory.

What is long and rarely asked for (tags with scores, prompts) stays in Arrow's columns. Thread-safe: one lock.
"""

import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from sys import intern

from prep.dataset.opened import Set
from prep.edits.edits import Edits
from prep.edits.merge import is_tag_list, items, key
from prep.errors import UsageError
from prep.review.conditions import meeting
from prep.review.filters import Both, Condition, Either, Is, Not
from prep.review.items import Item, item_of

COLUMNS = (
    "source", "variant", "width", "height", "flags", "near_of", "check_score", "parent_id", "caption",
    "caption_source", "complexity", "manner", "format", "disagreements",
)  # fmt: skip
ORDER = {"source": 0, "crop": 1, "augmentation": 2, "consistency": 3, "reconstruct": 4, "scene": 5}
MOST_CHANGES = 50_000  # that are remembered, so that a tab learns what is new


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
        self.decided = 0  # differs once a caption or a verdict has changed
        self.changes: list[tuple[int, str]] = []  # (version, id)

    def load(self, of_set: Set, edits: Edits) -> None:
        """Read all anew. edits: with the user's decisions."""
        items_ = [item_of(at, row) for at, row in enumerate(of_set.rows(columns=COLUMNS))]
        items_.sort(key=lambda item: (item.character, ORDER.get(item.origin, len(ORDER)), item.at))
        for place, item in enumerate(items_):
            item.place = place
        texts = edits.decisions.texts(item.picture for item in items_)
        lists = edits.decisions.lists(item.picture for item in items_)
        verdicts, by_hand = edits.decisions.verdicts(), edits.decisions.by_hand()
        with self.lock:
            self.items, self.tagged, self.spelt = items_, {}, {}
            self.by_id = {item.id: item for item in items_}
            self.by_picture, self.by_image = {}, {}
            for item, text in zip(items_, list(texts), strict=True):
                item.verdict = verdicts.get(item.picture)
                item.retouched = _retouched(edits, item.picture)
                item.touched = item.picture in by_hand
                self.by_picture.setdefault(item.picture, []).append(item)
                self.by_image.setdefault(item.image_id, []).append(item)
                self._say(item, text if text is not None else item.text, lists.get(item.picture))
            self.version += 1
            self.decided += 1
            self.whole = self.version
            self.changes = []

    def update(self, edits: Edits, pictures: Iterable[str]) -> list[Item]:
        """Take over what was decided about these pictures -> their items."""
        found, pictures = [], [*pictures]
        lists = edits.decisions.lists(pictures)
        with self.lock:
            self.version += 1
            self.decided += 1
            for picture in pictures:
                hand = edits.decisions.entry(picture)
                verdict = edits.decisions.verdict(picture)
                for item in self.by_picture.get(picture, ()):
                    item.verdict = verdict
                    item.retouched = _retouched(edits, picture)
                    item.touched = hand.by_hand or verdict is not None
                    said, listed = hand.hand.said, lists.get(picture)
                    if said is not None and (said, listed) != (item.text, item.listed):
                        item.then = None
                        self._say(item, said, listed)
                    self.changes.append((self.version, item.id))
                    found.append(item)
            if len(self.changes) > MOST_CHANGES:
                self.whole, self.changes = self.version, []
        return found

    def foresee(self, texts: Mapping[str, str], before: Mapping[str, str | None]) -> None:
        """texts: picture -> its caption after the next run. before: picture -> the caption that this was foreseen for:
        of one that has changed since, nothing is known.
        """

        def then(item: Item) -> str | None:
            text = texts.get(item.picture)
            return text if item.text not in (None, text) and item.text == before.get(item.picture) else None

        with self.lock:
            changed = [item for item in self.items if item.then != then(item)]
            self.version += bool(changed)
            for item in changed:
                item.then = then(item)
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
        items_ = self.items  # without the lock: a filter may take a second
        return [items_[at] for at in sorted(self._places(condition, set(range(len(items_)))))]

    def counts(self, found: Collection[Item] | None = None) -> Counter[str]:
        """Tag -> in how many captions of these pictures it is. None: of all that train."""
        with self.lock:
            chosen = (item for item in (self.items if found is None else found) if item.captioned)
            return Counter(name for item in chosen for name in item.keys)

    def _say(self, item: Item, text: str | None, listed: str | None = None) -> None:
        """Its caption is this from now on. listed: its tags, where it is another text made of them."""
        for name in item.keys:
            self.tagged[name].discard(item.place)
        item.text, item.listed, item.folded = text, listed, key(text or "")
        said = items(tags) if item.captioned and is_tag_list(tags := text if listed is None else listed) else []
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
                names = [key(condition.value)]
                if "*" in condition.value:
                    names = filter(condition.matches, [*self.tagged])
                return within & set().union(*(self.tagged.get(name, set()) for name in names))
        meets = meeting(condition)
        return {at for at in within if meets(self.items[at])}


def _retouched(edits: Edits, picture: str) -> str | None:
    placed = edits.placement[picture]
    return placed.sha256 if placed and placed.hand else None
