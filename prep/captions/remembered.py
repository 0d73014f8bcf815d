"""A caption that was composed before: its items are remembered, and the rest is composed when it is asked for.

`prep status` needs the texts of all captions, and the tags of few.
"""

from collections.abc import Callable

from prep.types import Caption


class Remembered:
    """Has all that a Caption has."""

    __slots__ = ("_compose", "_whole", "items", "proof", "text", "triggers")

    def __init__(self, items: tuple[str, ...], proof: bytes, compose: Callable[[], Caption], triggers: int = 1) -> None:
        """Proven to be what compose would give; see Composer.proof."""
        self.items = items
        self.text = ", ".join(items)
        self.proof = proof
        self.triggers = triggers
        self._compose = compose
        self._whole: Caption | None = None

    @property
    def whole(self) -> Caption:
        if self._whole is None:
            self._whole = self._compose()
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
