"""One review of one OUT: everything that the routes ask, in one place."""

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prep.edits.actions import SETTINGS, TAGS, Action, retag_of
from prep.edits.edits import Edits
from prep.edits.history import REDO, UNDO
from prep.edits.merge import key
from prep.edits.step_text import step_text
from prep.errors import UsageError
from prep.names import printable, quantity
from prep.review.asked import MOST_ROWS
from prep.review.board import Board
from prep.review.desk import Desk
from prep.review.detail import Details, detail_of
from prep.review.filters import parsed
from prep.review.items import Item
from prep.review.keys import read_keys
from prep.review.next_run import NextRun
from prep.review.pictures import Pictures
from prep.review.tags import Completion, exclusive_sets, tag_list
from prep.review.tokens import Tokens
from prep.web.refused import Refused

EXAMPLES = 20  # of a preview
STEPS = 200  # of the history
SORTS = {
    "": lambda item: item.place,
    "name": lambda item: (item.name.casefold(), item.place),
    "score": lambda item: (item.score is None, item.score or 0.0, item.place),
    "touched": lambda item: (not item.touched, item.place),
    "tags": lambda item: (len(item.keys), item.place),
    "disagreements": lambda item: (not item.captioned, -len(item.disagrees or ()), -item.apart, item.place),
}


class Session:
    def __init__(self, out: Path) -> None:
        """Raises UsageError for an OUT that is none, SettingsError, StoppedError."""
        self.out = out
        self.desk = Desk(out)
        self.board: Board = self.desk.board
        self.next = NextRun(out, self.board)
        settings = self.next.settings()
        self.keys = read_keys(settings.review.keys)
        self.exclusive = exclusive_sets(settings.check.exclusive)
        self.pictures = Pictures(out, self.next.src, settings.scan.max_pixels)
        self.tokens = Tokens()
        self.completion = Completion()
        if settings.review.tags:
            self.completion.read_csv(settings.review.tags)
        self._details: tuple[int, Details] = -1, None
        self._counts: tuple[int, Counter[str]] = -1, Counter()

    def start(self) -> None:
        self.tokens.start()
        self.next.start()

    def finish(self) -> None:
        """Returns when no change is at work."""
        self.desk.finish()

    def close(self) -> None:
        self.next.close()

    # What is there

    def about(self) -> dict[str, Any]:
        """The set as a whole."""
        items = self.board.items
        found = self.next.found
        slugs = found.slugs if found else {}
        profiles = {printable(name): profile for name, profile in found.profiles.items()} if found else {}
        of_character: dict[str, list[Item]] = {}
        for item in items:
            of_character.setdefault(item.character, []).append(item)
        tagger = found.tagger if found else None
        return {
            "name": printable(self.out.resolve().name),
            "images": len(items),
            "characters": [
                {
                    "name": name,
                    "slug": next((slug for each, slug in slugs.items() if printable(each) == name), None),
                    "trigger": profiles[name].trigger if name in profiles else None,
                    "images": len(own),
                    "kept": sum(item.status == "kept" for item in own),
                    "drawn": sum(item.origin == "augmentation" and item.status == "kept" for item in own),
                }
                for name, own in sorted(of_character.items())
            ],
            "origins": sorted({item.origin for item in items}),
            "statuses": sorted({item.status for item in items}),
            "flags": sorted({flag for item in items for flag in item.flags}),
            "tagger": tagger,
            "order": "disagreements" if any(item.disagrees is not None for item in items) else "",
            "trial": any("starter" in item.flags for item in items),
            "version": self.board.version,
            "keys": self.keys,
            "run": self.run(),
            "command": shlex.join(["prep", "run", str(self.next.src), "--out", str(self.out), *self.next.given]),
            "source": self.next.why or None,
        }

    def run(self) -> dict[str, Any]:
        return {"busy": self.desk.busy, "waiting": self.desk.waiting, "messages": self.desk.messages[-5:]}

    def listed(self, query: str, sort: str) -> dict[str, Any]:
        if sort not in SORTS:
            raise Refused(422, f"{sort!r} is no order", f"use one of {', '.join(filter(None, SORTS))}")
        version = self.board.version  # a change meanwhile is told with the next poll
        ids = [item.id for item in sorted(self.board.where(parsed(query)), key=SORTS[sort])]
        return {"version": version, "total": len(self.board.items), "count": len(ids), "ids": ids}

    def detail(self, id_: str) -> dict[str, Any]:
        item = self.board.item(id_)
        if self._details[0] != self.board.whole:
            self._details = self.board.whole, Details(self.out)
        details = self._details[1]
        found = self.next.found
        return self.desk.look(lambda edits: detail_of(item, self.board, details, edits, found, self.tokens))

    def tags(self, query: str) -> dict[str, Any]:
        found = self.board.where(parsed(query)) if query.strip() else None
        with self.board.lock:
            counts = self.counts() if found is None else self.board.counts(found)
            groups = tag_list(self.board, counts, self.triggers(), self.exclusive)
        return {"total": len(self.board.items if found is None else found), "groups": groups}

    def counts(self) -> Counter[str]:
        with self.board.lock:
            if self._counts[0] != self.board.version:
                self._counts = self.board.version, self.board.counts()
            return self._counts[1]

    def triggers(self) -> set[str]:
        """The set's trigger words; without foresight, what most captions of each character begin with."""
        if not (found := self.next.found):
            begins: dict[str, Counter[str]] = {}
            for item in self.board.items:
                if item.captioned and item.text:
                    first = (item.listed or item.text).partition(",")[0].strip()
                    begins.setdefault(item.character, Counter())[first] += 1
            return {words.most_common(1)[0][0] for words in begins.values()}
        profiles = (*found.profiles.values(), *found.variants.values())
        return {word for profile in profiles for word in profile.triggers}

    def complete(self, typed: str, most: int) -> dict[str, Any]:
        if not self.completion.vocabulary and (found := self.next.found):
            spelt = found.composer.caption_text
            self.completion.learn(map(spelt, sorted(found.known)))
        return {"items": self.completion.find(typed, self.counts(), self.board.spelt, most)}

    def history(self) -> dict[str, Any]:
        names = {item.picture: item.name for item in self.board.items}

        def steps(edits: Edits) -> list[dict[str, Any]]:
            history = edits.decisions.history
            open_ = {step.number for step in history.undoable()}
            return [
                {"number": step.number, "at": step.at, "by": step.by, "text": step_text(step, names),
                 "undone": step.number not in open_ and step.by not in (UNDO, REDO)}
                for step in reversed(history.steps()[-STEPS:])
            ]  # fmt: skip

        return {"steps": self.desk.look(steps)}

    def changes(self, since: int) -> dict[str, Any]:
        before = self.board.whole
        self.desk.refresh()
        if self.board.whole != before:
            self.next.look()
        found = self.board.since(since)
        all_ = found is None or len(found) > MOST_ROWS
        return {
            "version": self.board.version,
            "all": all_,
            "rows": [] if all_ else [item.row() for item in found],
            "run": self.run(),
            "next": {"count": sum(item.then is not None for item in self.board.items)},
        }

    # What is done

    def preview(self, action: Action, items: Sequence[Item]) -> dict[str, Any]:
        """What a change would do."""
        items = [*{item.picture: item for item in items}.values()]  # copies are one picture, with one caption
        if action["do"] in TAGS:
            change = retag_of(action)
            changed = self.desk.look(lambda edits: edits.retagged(action["pictures"], change))
            examples = [
                {"id": item.id, "name": item.name, "before": before, "after": then}
                for item in items
                if item.picture in changed
                for before, then in [changed[item.picture]]
            ]
        else:
            after = {"accept": "accepted", "reject": "rejected", "exclude": "excluded", "restore": None}[action["do"]]
            examples = [
                {"id": item.id, "name": item.name, "before": item.verdict or item.status,
                 "after": after or "as prep decides"}
                for item in items
                if item.verdict != after
            ]  # fmt: skip
        return {"count": len(examples), "of": len(items), "examples": examples[:EXAMPLES]}

    def act(self, action: Action) -> dict[str, Any]:
        self._check(action)
        differed = any(item.then is not None for item in self.board.items)
        done, items = self.desk.act(action)
        if done.settings or differed:
            self.next.look()
        kept = "; kept until the run is done" if self.desk.busy else ""
        return {
            "count": len(done.pictures),
            "nothing": action["do"] in ("undo", "redo") and not (done.steps or done.taken),
            "message": f"{self._said(action, done, len(done.pictures))}{kept}",
            "version": self.board.version,
            "waiting": self.desk.busy is not None,
            "rows": [item.row() for item in items[:MOST_ROWS]],
        }

    def _check(self, action: Action) -> None:
        """Raises UsageError for what must not be done to a picture or a trigger word."""
        words = {*map(key, self.triggers())}
        touched = [action["tag"]] if action["do"] in ("remove", "move") else action.get("map", ())
        if named := next((tag for tag in touched if key(tag) in words), None):
            raise UsageError(f"{named} is the trigger word", hint="set [characters.NAME] trigger in OUT/settings.toml")
        if action["do"] == "accept":
            for item in (each for picture in action["pictures"] for each in self.board.by_picture.get(picture, ())):
                if item.by_prep == "unreadable":
                    raise UsageError(f"{item.name} cannot be read: {item.why}", hint="save it again, then run again")
                if all(each.by_prep == "duplicate" for each in self.board.by_picture[item.picture]):
                    raise UsageError(f"{item.name} is a copy of another picture", hint="accept that picture")

    def _said(self, action: Action, done: Any, count: int) -> str:
        do = action["do"]
        if do in ("undo", "redo"):
            names = {item.picture: item.name for item in self.board.items}
            if not done.steps:
                return "Undone: a change that waited" if done.taken else f"There is nothing to {do}"
            steps = "; ".join(step_text(step, names) for step in done.steps)
            left = "; settings.toml was changed by hand since, and stays" if done.left else ""
            return f"{'Undone' if do == 'undo' else 'Redone'}: {steps}{left}"
        if do in SETTINGS:
            return "Written to settings.toml"
        if do == "caption" or do in TAGS:
            return f"{quantity(count, 'caption')} changed"
        past = {"accept": "accepted", "reject": "rejected", "exclude": "excluded", "restore": "left to prep again"}
        return f"{quantity(count, 'picture')} {past[do]}"
