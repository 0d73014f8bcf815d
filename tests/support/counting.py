"""A generator that counts what it draws, and a tagger that reads colours: fixtures for whole runs without SD3.5."""

from pathlib import Path

import numpy as np
import pytest

from prep.drawing import rounds
from prep.models.choose_models import SettledGenerator
from prep.taggers import TAGGERS
from tests.fakes import FakeTagger


class CountingGenerator:
    """Draws one colour with a little noise, another for each seed."""

    name, precision, steps, guidance, notes = "counting", "fp32", 2, 3.0, {"batch": 1}

    def __init__(self):
        self.prepared = []
        self.drawn = []
        self.parents = []
        self.stops_after = None

    def size(self, width, height):
        return 64, 64

    def prepare(self, requests):
        self.prepared.append(len(requests))

    def images(self, requests, parents):
        self.parents += parents.values()
        for request in requests:
            if len(self.drawn) == self.stops_after:
                raise KeyboardInterrupt
            self.drawn.append(request.key)
            rng = np.random.default_rng(request.seed)
            colour = rng.uniform(0, 255)
            yield request, np.clip(colour + rng.normal(0, 20, (64, 64, 3)), 0, 255).astype(np.uint8)

    def close(self):
        pass


def reads_colour(path, device, batch_size):
    return FakeTagger(batch_size)


@pytest.fixture
def generator(monkeypatch):
    monkeypatch.setitem(TAGGERS, "file", "tests.support.counting:reads_colour")
    made = CountingGenerator()
    monkeypatch.setattr(rounds, "load_generator", lambda *_: made)
    settled = SettledGenerator("counting", "counting", "ab" * 32, Path("x"), {})
    monkeypatch.setattr(rounds, "settle_generator", lambda *_, **__: settled)
    return made


@pytest.fixture
def sets(tmp_path):
    """Nothing is off character for its score alone, and what is varied are tags that the tiny tagger knows."""
    vary = tmp_path / "vary.toml"
    vary.write_text(
        '[a]\noptions = [["smile"], ["outdoors"], ["^_^"], ["white_shirt"]]\n[b]\noptions = [["blue_hair"]]\n'
    )
    return ("check.bound=0.0", "thresholds.mode=fixed", "thresholds.fixed=0.6", f"augmentation.vary={vary}")
