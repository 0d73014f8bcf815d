"""A caption whose items are known, and whose rest is composed when it is asked for.

`prep status` needs the texts of all captions, and the tags of few. A run keeps captions so: one with all its tags takes
ten times the memory.
"""

from collections.abc import Callable

from prep.types import Caption


class Remembered:
    """Has all that a Caption has."""

    __slots__ = ("_whole", "compose", "items", "proof", "triggers")

    def __init__(
        self, items: tuple[str, ...], proof: bytes, triggers: int = 1, compose: Callable[[], Caption] | None = None
    ) -> None:
        """Proven to be what compose would give; see Composer.proof. A copy by pickle needs its compose anew."""
        self.items = items
        self.proof = proof
        self.triggers = triggers
        self.compose = compose
        self._whole: Caption | None = None

    def __reduce__(self) -> tuple:
        return Remembered, (self.items, self.proof, self.triggers)

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
