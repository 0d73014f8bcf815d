"""Rules, findings, and how they are read together. Nothing here knows a particular rule or touches a file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Found:
    """What a rule's function yields. place: within its subject, such as a key; empty for the whole subject."""

    what: str
    place: str = ""
    fix: Callable[[], None] | None = None  # fixes exactly this finding; raises OSError or PrepError when it cannot


@dataclass(frozen=True)
class Rule:
    """error: sd-scripts stops, or trains something else. warning: allowed, but probably a mistake. note: depends on the
    model.
    """

    id: str
    level: Level
    what: str  # in general; a finding says it about one file
    why: str  # one clause
    advice: str  # what to do
    fixable: bool
    check: Callable[[Any], Iterable[Found]]


@dataclass(frozen=True)
class Finding:
    rule: Rule
    place: str  # file, and the key within it; safe to print
    what: str
    fix: Callable[[], None] | None = field(compare=False)


class Rules(list[Rule]):
    """A family of rules about one kind of subject: anything with `shown`, its name made safe to print."""

    def __init__(self, joint: str) -> None:
        """joint: the separator between the subject's name and a place within it."""
        super().__init__()
        self.joint = joint

    def rule(self, id: str, level: Level, what: str, why: str, advice: str, fixable: bool = False) -> Callable:
        def add(check: Callable[[Any], Iterable[Found]]) -> Callable:
            self.append(Rule(id, level, what, why, advice, fixable, check))
            return check

        return add

    def check(self, subject: Any) -> Iterator[Finding]:
        for rule in self:
            for found in rule.check(subject):
                place = f"{subject.shown}{self.joint}{found.place}" if found.place else subject.shown
                yield Finding(rule, place, found.what, found.fix)
