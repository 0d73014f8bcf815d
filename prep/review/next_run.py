"""What the next run will make of the captions, with the settings as they are or as they might be.

It is a preview (prep/pipeline/preview.py): no picture is read and no model runs. A second or two for 20,000 pictures.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prep.captions.compose import Composer
from prep.config import OWN, load_settings
from prep.edits.merge import merged
from prep.edits.sidecar import begun
from prep.errors import PrepError
from prep.jobs.tag import ScoreBook
from prep.pipeline.preview import Preview, preview
from prep.pipeline.status import given_of, opened
from prep.process.heap import give_back_freed_memory
from prep.review.board import Board
from prep.review.items import Item
from prep.run import image_key
from prep.sections import Settings
from prep.types import Profile, is_real


@dataclass(frozen=True)
class Foreseen:
    """What a preview says; not the preview itself, whose rows take a kilobyte each."""

    settings: Settings  # with [characters.NAME] under the folders' exact names
    tagger: str
    slugs: Mapping[str, str]  # character -> its name in folders and triggers
    profiles: Mapping[str, Profile]
    variants: Mapping[tuple[str, str], Profile]
    composer: Composer
    scores: ScoreBook
    known: frozenset[str]  # the tags that the tagger knows
    texts: Mapping[str, str]  # picture -> its caption after the next run

    def profile_of(self, character: str, variant: str) -> Profile | None:
        """None: the character is gone."""
        return self.variants.get((character, variant)) or self.profiles.get(character)

    def changed(self, other: "Foreseen") -> dict[str, tuple[str, str]]:
        """Picture -> (its caption by this, by the other), where they differ."""
        return {
            picture: (text, other.texts[picture])
            for picture, text in self.texts.items()
            if other.texts.get(picture, text) != text
        }


class NextRun:
    """Looks ahead in a thread of its own, so that nobody waits for it."""

    def __init__(self, out: Path, board: Board) -> None:
        """Raises UsageError when OUT does not say what it was made of."""
        self.out = out
        self.board = board
        self.src, _ = opened(out)
        self.given = given_of(out)
        self.why = "prep looks at what the next run will do"  # that there is no foresight; empty: there is
        self.found: Foreseen | None = None
        self._again = threading.Event()
        self._done = threading.Condition()
        self._asked = self._answered = 0
        self._ended = False
        self._seen: Any = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._forever, daemon=True)
        self._thread.start()
        self.look()

    def close(self) -> None:
        """Look ahead no more."""
        self._ended = True
        self._again.set()
        self._thread.join()

    def look(self) -> None:
        """Look ahead anew, soon: something changed."""
        with self._done:
            self._asked += 1
        self._again.set()

    def wait(self, seconds: float = 60.0) -> Foreseen | None:
        """The foresight that knows all that was asked for before; None: there is none, see `why`."""
        with self._done:
            asked = self._asked
            self._done.wait_for(lambda: self._answered >= asked, seconds)
            return self.found

    def settings(self, own: Mapping[str, Any] | None = None) -> Settings:
        """Of the next run, if it is started like the last one. own: in place of OUT/settings.toml.

        Raises SettingsError.
        """
        given = dict(config=None, sets=())
        options = iter(self.given)
        for option, value in zip(options, options, strict=False):
            given |= {"config": Path(value)} if option == "--config" else {"sets": (*given["sets"], value)}
        return load_settings(self.src, out=self.out, own=own, **given)

    def with_own(self, own: Mapping[str, Any]) -> Foreseen:
        """With this in place of OUT/settings.toml. Raises PrepError."""
        return self._foreseen(self.settings(own))

    def fresh(self) -> Foreseen | None:
        """Like `wait`, and as of now: captions, or settings, may have changed since."""
        if self._seen != self._now():
            self.look()
        return self.wait()

    def _now(self) -> Any:
        """It differs once the captions or the settings have changed."""
        files = [self.out / OWN, self.src / "prep.toml"]
        return self.board.decided, [path.stat().st_mtime_ns if path.exists() else 0 for path in files]

    def _forever(self) -> None:
        while True:
            self._again.wait()
            self._again.clear()
            if self._ended:
                return
            with self._done:
                asked = self._asked
            now_is = self._now()
            before = {item.picture: item.text for item in self.board.items}
            try:
                found, why = self._foreseen(self.settings()), ""
            except (PrepError, OSError) as error:
                found, why = None, str(error)
            self.board.foresee(found.texts if found else {}, before)
            with self._done:
                self._seen = now_is
                self.found, self.why, self._answered = found, why, asked
                self._done.notify_all()
            if now_is != self._now():  # somebody decided meanwhile
                self.look()

    def _foreseen(self, settings: Settings) -> Foreseen:
        made = preview(self.src, self.out, settings)
        texts = {image_key(row): row.final_text for row in made.record.rows if row.final_text is not None}
        for item in self.board.items:
            if not is_real(item.origin) and item.captioned and (text := _drawn_caption(made, item)) is not None:
                texts[item.picture] = text
        record = made.record
        found = Foreseen(
            made.run.settings, record.tagger.name, dict(record.places.slugs), dict(record.profiles),
            dict(record.variants), record.composer, record.scores, record.known, texts,
        )  # fmt: skip
        del made, record
        give_back_freed_memory()
        return found


def _drawn_caption(made: Preview, item: Item) -> str | None:
    """None: its tags are not known, or its character is gone; or captions are in a form, and the run will see."""
    record = made.record
    name = item.picture.rpartition("/")[0]
    if made.run.settings.captions.for_ or item.listed is not None:
        return None
    if item.image_id not in record.scores or name not in record.profiles or not item.level:
        return None
    variant = record.variants_of_pictures.get((name, item.parent_id or ""), "")
    profile = record.variants.get((name, variant)) or record.profiles[name]
    if item.origin == "crop" and item.manner:
        profile = record.for_crop(profile, item.manner, item.image_id, item.parent_id)
    machine = record.composer.caption(record.scores[item.image_id], item.level, profile)
    hand = begun(record.edits.decisions.entry(item.picture), machine.items, machine.triggers)
    return machine.text if hand.person is None else merged(hand, machine.items, machine.triggers)
