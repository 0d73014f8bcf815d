"""A generator that counts what it draws, and a tagger that reads colours: fixtures for whole runs without SD3.5."""

import numpy as np
import pytest

from prep.generators import GENERATORS
from prep.registry import ModelSpec
from tests.fakes import FakeTagger


class CountingCard:
    name, precision, steps, guidance, samplers = "counting", "fp32", 2, 3.0, ("euler",)
    quality = "masterpiece, best quality, official art, extremely detailed CG"
    negative = "low quality, worst quality, blurry, cropped, text, watermark, signature"
    sentences, editing = False, None

    def size(self, width, height):
        return 64, 64


class CountingGenerator:
    """Draws one colour with a little noise, another for each seed."""

    notes = {"batch": 1}

    def __init__(self):
        self.card = CountingCard()
        self.prepared = []
        self.drawn = []
        self.parents = []
        self.stops_after = None

    def encode(self, pictures, kept):
        self.prepared.append(len(pictures))

    def draw(self, pictures, parents, kept):
        self.parents += parents.values()
        for picture in pictures:
            if len(self.drawn) == self.stops_after:
                raise KeyboardInterrupt
            self.drawn.append(picture.key)
            rng = np.random.default_rng(picture.seed)
            colour = rng.uniform(0, 255)
            yield picture.key, np.clip(colour + rng.normal(0, 20, (64, 64, 3)), 0, 255).astype(np.uint8)

    def close(self):
        pass


COUNTING = ModelSpec("counting", "generator", f"{__name__}:counting", samplers=CountingCard.samplers)
_made = None


def counting(name, files, options):
    """The maker, as the registry names it."""
    return _made


@pytest.fixture
def generator(monkeypatch, reads_with):
    """Draws in every run that has the fixture `sets`, where a fake reads."""
    reads_with(lambda options: FakeTagger(options.batch))
    made = CountingGenerator()
    monkeypatch.setattr(f"{__name__}._made", made)
    monkeypatch.setitem(GENERATORS.members, "counting", COUNTING)
    return made


@pytest.fixture
def sets(tmp_path, request):
    """Nothing is off character for its score alone, and what is varied are tags that the tiny tagger knows."""
    vary = tmp_path / "vary.toml"
    vary.write_text(
        '[a]\noptions = [["smile"], ["outdoors"], ["^_^"], ["white_shirt"]]\n[b]\noptions = [["blue_hair"]]\n'
    )
    weights = tmp_path / "counting.weights"
    weights.write_bytes(b"counting 2")
    draws = (f"generator.model=counting:{weights}",) if "generator" in request.fixturenames else ()
    sets = ("check.bound=0.0", "thresholds.mode=fixed", "thresholds.fixed=0.6", f"augmentation.vary={vary}")
    return (*sets, *draws)
