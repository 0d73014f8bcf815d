"""A caption whose items are known, and whose rest is composed when it is asked for.

`prep status` needs the texts of all captions, and the tags of few. A run keeps captions so: one with all its tags takes
ten times the memory.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from prep.types import Caption


class Remembered:
    """Has all that a Caption has."""

    __slots__ = ("_whole", "compose", "items", "proof", "triggers")

    def __init__(
        self, items: tuple[str, ...], proof: bytes, triggers: int = 1, compose: Callable[[], Caption] | None = None
    ) -> None:
        """Proven to be what compose would give; see Composer.proof. A packed copy needs its compose anew."""
        self.items = items
        self.proof = proof
        self.triggers = triggers
        self.compose = compose
        self._whole: Caption | None = None

    def __iter__(self) -> Iterator[Any]:
        """What a copy is made of: see blocks.py."""
        return iter((self.items, self.proof, self.triggers))

    @classmethod
    def _make(cls, parts: Iterable[Any]) -> Self:
        return cls(*parts)

    @property
    def text(self) -> str:
        return ", ".join(self.items)

    @property
    def whole(self) -> Caption:
        if self._whole is None:
            self._whole = self.compose()
        return self._whole

    @property
    def tags(self):
        return self.whole.tags

    @property
    def removed(self):
        return self.whole.removed

    @property
    def rating(self):
        return self.whole.rating

    @property
    def threshold(self):
        return self.whole.threshold
