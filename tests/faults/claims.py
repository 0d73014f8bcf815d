"""What must hold after each run of a life, whatever a person did in between. See life.py for what they do.

A claim is a unique word that a person wrote, the bytes of a file that they made, or a picture that they took out. The
claims know nothing of how prep keeps them: they look at the files, and, where a picture is not in the set, whether the
ledger holds the word for when it is back.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from prep.edits.decisions import Decisions
from prep.edits.history import Step
from prep.edits.merge import Hand, items, key
from prep.edits.sidecar import CAPTION, caption_text
from prep.errors import ImageError
from prep.ledger import Ledger
from tests.support.runs import manifest

Home = tuple[str, str]  # (character, picture): the picture's number where it is one of SRC, else its sha256


@dataclass
class Word:
    """A unique tag that a person wrote."""

    text: str
    home: Home
    state: str = "live"  # gone: taken out by hand, and must not return; free: either may be
    seen: bool = False  # a whole run has ended since
    roams: bool = False  # written where its picture had been: it may be another's by now


@dataclass
class Claims:
    """All that is expected, as of now."""

    words: dict[str, Word] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)  # sha256 -> what it is; their bytes must be there
    strangers: dict[str, str] = field(default_factory=dict)  # sha256 -> file name: named in problems.txt, too
    removed: dict[Home, dict[str, bool]] = field(default_factory=dict)  # tags taken out -> whether a run has seen it
    excluded: set[Home] = field(default_factory=set)
    unsure: set[Home] = field(default_factory=set)  # taken out in a way that prep need not have noticed

    mixed: set[Home] = field(default_factory=set)  # nobody can say which of two pictures it is until a run has ended
    newer: dict[Home, Home] = field(default_factory=dict)  # what was moved since a run has ended

    def wrote(self, home: Home, before: str, after: str, saw_all: bool = True) -> None:
        """A person replaced a caption by another. saw_all: before is what the file said, not an older text."""
        for word in self.words.values():
            if word.text in after and word.text in before and word.state == "gone":
                continue  # taken out in the other file just now, and only left alone in this one
            if word.text in after:
                word.state, word.home = ("live" if saw_all else "free"), home
            elif word.text in before and word.state == "live":
                word.state, word.seen = ("gone" if saw_all else "free"), False
        then = set(map(key, items(after)))
        held = self.removed.setdefault(home, {})
        for tag in then:
            held.pop(tag, None)

    def lost_unseen(self, text: str, home: Home | None = None) -> None:
        """A person took away a caption: what no run has read of it is away with it."""
        for word in self.words.values():
            taken_out = word.state == "gone" and word.home == home
            if not word.seen and (taken_out or word.text in text):
                word.state = "free"

    def free(self, home: Home) -> None:
        """From here on nobody can say what is right for a picture."""
        for word in self.words.values():
            if word.home == home:
                word.state = "free"
        self.removed.pop(home, None)
        self.excluded.discard(home)
        self.unsure.add(home)

    def follow(self, old: Home, new: Home) -> None:
        """A picture became another, or another character's."""
        self.newer[old] = new
        self.newer.pop(new, None)
        for word in self.words.values():
            if word.home == old:
                word.home = new
        if old in self.removed:
            self.removed[new] = self.removed.pop(old)
        for homes in (self.excluded, self.unsure):
            if old in homes:
                homes.discard(old)
                homes.add(new)

    def undone(self, steps: list[Step], home_of) -> None:
        """What steps changed is either way now: whoever undid or redid them knows what they wanted."""
        for step in steps:
            for change in step.changes:
                home = home_of(change.picture)
                if change.what == "verdict":
                    self.excluded.discard(home)
                    self.unsure.add(home)
                    continue
                told = [
                    " ".join((state.text or "", *state.added)) if isinstance(state, Hand) else ""
                    for state in (change.before, change.after)
                ]
                for word in self.words.values():
                    if (word.text in told[0]) != (word.text in told[1]):
                        word.state = "free"
                self.removed.pop(home, None)


class Findings:
    """What lies in an OUT after a run."""

    def __init__(self, src: Path, out: Path, home_of) -> None:
        self.out = out
        self.home_of = home_of
        self.rows = manifest(out)
        self.problems = (out / "problems.txt").read_text() if (out / "problems.txt").exists() else ""
        self.captions = {path: _text(path) for path in (out / "kohya").glob("*/*.txt")}
        self.aside = {path: path.read_bytes() for path in (out / "set_aside").rglob("*") if path.is_file()}
        self.sidecars = {path: _text(path) for path in src.rglob("*.txt")}
        self.files = {
            hashlib.sha256(path.read_bytes()).hexdigest(): path
            for path in out.rglob("*")
            if path.is_file() and ".prep" not in path.relative_to(out).parts
        }
        self.trained = {
            f"{row['character']}/{row['image_id']}": row
            for row in self.rows
            if (row["file"] or "").startswith("kohya/")
        }
        self.ledger = Ledger(out / ".prep" / "ledger")

    def wrong(self, claims: Claims, fresh: Collection[str] = ()) -> list[str]:
        """What does not hold, in words. fresh: written while the run went on, so it may not have been read."""
        return [
            *self._words(claims, fresh),
            *self._removed(claims),
            *self._files(claims, fresh),
            *self._pictures(claims),
            *(f"{path}: not named in problems.txt" for path in self.aside if not self._named(path)),
        ]

    def waiting(self) -> dict[str, str]:
        """picture -> all that the ledger holds of its caption."""
        decisions = Decisions(self.ledger)
        pictures = {*self.ledger.rows(CAPTION), *decisions.history.pictures("caption")}
        return {picture: _held(decisions.entry(picture).hand) for picture in pictures}

    def _words(self, claims: Claims, fresh: Collection[str]):
        waiting = self.waiting()
        for word in claims.words.values():
            here = [path for path, text in self.captions.items() if word.text in text]
            if word.state == "gone" and here:
                yield f"{word.text!r} was taken out, and is back in {here[0]}"
            if word.state != "live" or here and self._fits(here, word, claims):
                continue
            if any(word.text.encode() in data or word.text.encode("utf-16-le") in data for data in self.aside.values()):
                continue  # that it is named is asked of all files there
            if any(
                word.text in text and (word.text in fresh or self._no_caption(path))
                for path, text in self.sidecars.items()
            ):
                continue
            holding = [picture for picture, text in waiting.items() if word.text in text]
            if any(self._overwritten(picture) for picture in holding):
                continue  # with foreign bytes, while the run went on: the next one sets them aside and writes the words
            if not holding or any(picture in self.trained for picture in holding):
                where = [str(path) for path in here] or [f"only the ledger, of {picture}" for picture in holding]
                yield f"{word.text!r} of {word.home} is in no caption of its picture: {where or 'nowhere'}"

    def _overwritten(self, picture: str) -> bool:
        """Whether its caption in kohya/ is no text."""
        row = self.trained.get(picture)
        path = (self.out / row["file"]).with_suffix(".txt") if row else None
        if path is None or not path.exists():
            return False
        try:
            caption_text(path.read_bytes())
        except ImageError:
            return True
        return False

    def _fits(self, here: list[Path], word: Word, claims: Claims) -> bool:
        """Whether one of the captions is that of the picture for which the word was written."""
        homes = {
            (self.out / row["file"]).with_suffix(".txt"): self.home_of(picture) for picture, row in self.trained.items()
        }
        if word.roams:
            return True
        if word.home in claims.mixed:
            word.home = homes.get(here[0], word.home)
        return any(homes.get(path, word.home) == word.home for path in here)

    def _no_caption(self, path: Path) -> bool:
        """Whether a .txt in SRC may stay unread: it has no picture in the set, or problems.txt names that one."""
        sources = [row for row in self.rows if row["source"] and Path(row["source"]).stem == path.stem]
        sources = [row for row in sources if Path(row["source"]).parent.name == path.parent.name]
        return not any(row["status"] == "kept" for row in sources) or any(
            f"{row['source']}: " in self.problems for row in sources
        )

    def _removed(self, claims: Claims):
        homes: dict[Home, list[dict]] = {}
        for picture, row in self.trained.items():
            homes.setdefault(self.home_of(picture), []).append(row)
        for home, tags in claims.removed.items():
            for row in homes.get(home, ()):
                text = self.captions.get((self.out / row["file"]).with_suffix(".txt"), "")
                if back := set(map(key, items(text))) & set(tags):
                    yield f"{back} was taken out of the caption of {home}, and is back: {text}"

    def _files(self, claims: Claims, fresh: Collection[str]):
        for sha256, what in claims.files.items():
            if sha256 not in self.files:
                yield f"{what} is gone"
        for sha256, name in claims.strangers.items():
            path = self.files.get(sha256)
            if path is None:
                yield f"a stranger's {name} is gone"
            elif path.suffix != ".txt" and sha256 not in fresh and not self._named(path):
                yield f"{path} is a stranger's, and problems.txt does not name it"

    def _pictures(self, claims: Claims):
        for row in self.rows:
            home = self.home_of(f"{row['character']}/{row['image_id']}")
            if home in claims.unsure:
                continue
            if row["status"] == "kept" and home in claims.excluded:
                yield f"{home} was taken out, and is in the set again"
            if row["status"] == "excluded" and home not in claims.excluded:
                yield f"{home} is out of the set, and nobody took it out"
            nowhere = row["status"] == "kept" and row["origin"] == "source" and not row["file"]
            if nowhere and f"{row['source']}: " not in self.problems:
                yield f"{row['source']} is kept, and lies nowhere"

    def _named(self, path: Path) -> bool:
        return f"{path.relative_to(self.out)}: " in self.problems


def _held(hand: Hand) -> str:
    return ", ".join((hand.text or "", *hand.added))


def _text(path: Path) -> str:
    try:
        return caption_text(path.read_bytes())
    except ImageError:
        return ""
