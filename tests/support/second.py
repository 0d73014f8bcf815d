"""A second reader for tests: a fake that says what a test lets it say, under its own name. Fixtures."""

import hashlib

import numpy as np
import pytest

from prep.registry import ModelSpec
from prep.taggers import TAGGERS
from prep.types import Vocabulary
from tests.fakes import FakeTagger

# Some of the first fake's tags in other places, one of them spelt otherwise, and one of its own.
NAMES = ("sensitive", "smile", "Blue Hair", "long_hair", "outdoors", "1girl", "white_shirt", "new_tag", "^_^")


class OtherTagger(FakeTagger):
    """`sees` are the tags of every picture, at .95; all others are at .05. `loaded`: how often it was made."""

    vocabulary = Vocabulary(
        hashlib.sha256("\n".join(NAMES).encode()).hexdigest()[:16], NAMES, ("rating", *["general"] * (len(NAMES) - 1))
    )

    def __init__(self) -> None:
        super().__init__()
        self.sees: set[str] = {"smile", "1girl"}
        self.loaded = 0

    def scores(self, batch: np.ndarray) -> np.ndarray:
        self.scored += len(batch)
        return np.tile(np.array([0.95 if name in self.sees else 0.05 for name in NAMES], np.float32), (len(batch), 1))


OTHER = ModelSpec("other", "tagger", f"{__name__}:made_other")
_other: OtherTagger | None = None


def made_other(name, files, options) -> OtherTagger:
    """The maker, as the registry names it."""
    found = _other or OtherTagger()
    found.loaded += 1
    return found


@pytest.fixture
def other(tmp_path, monkeypatch) -> OtherTagger:
    """It is the second reader of a run with the settings `other.sets`."""
    found = OtherTagger()
    (tmp_path / "other.bin").write_bytes(b"another model")
    found.sets = (f"tagger.second=other:{tmp_path / 'other.bin'}",)
    monkeypatch.setattr(f"{__name__}._other", found)
    monkeypatch.setitem(TAGGERS.members, "other", OTHER)
    return found
