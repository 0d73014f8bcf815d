"""What witnesses say of a drawn picture, from what they kept of it and of its character's real pictures.

Pure rules, like those for tags: a witness that must run a network to compare does so in `measure`, and what it found is
kept by whoever opened the books, so that nothing is compared twice.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np

from prep.protocols import Witness
from prep.types import Check

About = Literal["identity", "damage"]
MOST_REFERENCES = 24  # of a character's real pictures
REASONS: dict[About, str] = {"damage": "damaged", "identity": "another_character"}  # the first that applies


class Seen(Protocol):
    """What a witness kept: `seen` by a picture's sha256."""

    def get(self, sha256: str) -> Mapping | None: ...


@dataclass
class Witnessed:
    """books: for each witness, what it kept of each picture. known: measures of earlier runs, by `key`; new: those that
    were made since.
    """

    books: Mapping[About, Seen]
    witnesses: Mapping[About, Witness]
    known: dict[str, float] = field(default_factory=dict)
    new: dict[About, dict[str, float]] = field(default_factory=dict)

    def measure(self, about: About, drawn: str, real: Iterable[str]) -> float | None:
        """drawn: sha256; real: those of its character's real pictures. None: there is no such witness, it has not
        looked at the picture yet, or it compares and there is nothing to compare with.
        """
        if about not in self.witnesses or (row := self.books[about].get(drawn)) is None:
            return None
        seen, others = np.asarray(row["seen"], np.float32), self._references(about, real)
        if about == "identity" and not others:
            return None
        at = key(about, drawn, [sha256 for sha256, _ in others])
        if at not in self.known:
            stacked = np.stack([each for _, each in others]) if others else np.empty((0, len(seen)), np.float32)
            self.known[at] = self.witnesses[about].measure(seen, stacked)
            self.new.setdefault(about, {})[at] = self.known[at]
        return self.known[at]

    def speaks_against(self, drawn: str, real: Iterable[str]) -> str | None:
        """The reason to reject it: damaged, another_character, or None."""
        real = list(real)
        for about, reason in REASONS.items():
            measure = self.measure(about, drawn, real)
            if measure is not None and not self.witnesses[about].accepts(measure):
                return reason
        return None

    def judge(self, check: Check, drawn: str, real: Iterable[str]) -> Check:
        """The tags' verdict with what each witness measured; rejected if one speaks against what they accept."""
        real = list(real)
        found = {about: self.measure(about, drawn, real) for about in REASONS}
        check = replace(check, identity=found["identity"], damage=found["damage"])
        reason = self.speaks_against(drawn, real) if check.kept else None
        return replace(check, kept=False, reason=reason) if reason else check

    def _references(self, about: About, real: Iterable[str]) -> list[tuple[str, np.ndarray]]:
        if about != "identity":
            return []
        rows = ((sha256, self.books[about].get(sha256)) for sha256 in references(real))
        return [(sha256, np.asarray(row["seen"], np.float32)) for sha256, row in rows if row is not None]


def references(real: Iterable[str]) -> list[str]:
    """At most MOST_REFERENCES of these sha256, evenly chosen by hash: a new picture changes at most one of them."""
    return sorted(set(real), key=lambda sha256: hashlib.sha256(sha256.encode()).digest())[:MOST_REFERENCES]


def key(about: About, drawn: str, real: Sequence[str]) -> str:
    """Names a measure: what was compared with what."""
    return f"{about}:{drawn}:{hashlib.sha256(' '.join(sorted(real)).encode()).hexdigest()[:16]}"
