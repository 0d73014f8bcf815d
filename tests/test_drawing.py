"""Generate and check in a run, with a generator that counts. The real one: tests/generators/test_sd35.py."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from prep import stages
from prep.settle import SettledGenerator
from tests.pictures import folder_of
from tests.run_helpers import manifest, run_here, tree


class CountingGenerator:
    """Gives a parent back a little lighter, and noise where there is none."""

    name, precision, steps, guidance = "counting", "fp32", 2, 3.0

    def __init__(self):
        self.drawn = []
        self.stops_after = None

    def size(self, width, height):
        return 64, 64

    def images(self, requests, parents):
        for request in requests:
            if len(self.drawn) == self.stops_after:
                raise KeyboardInterrupt
            self.drawn.append(request.key)
            rng = np.random.default_rng(request.seed)
            if request.strength is None:
                yield request, rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            else:
                mean = parents[request.parent].mean((0, 1))
                yield request, np.clip(mean + rng.normal(0, 60, (64, 64, 3)), 0, 255).astype(np.uint8)

    def close(self):
        pass


@pytest.fixture
def generator(monkeypatch):
    made = CountingGenerator()
    monkeypatch.setattr(stages, "load_generator", lambda *_: made)
    settled = SettledGenerator("counting", "counting", "ab" * 32, Path("x"), {})
    monkeypatch.setattr(stages, "settle_generator", lambda *_, **__: settled)
    return made


SETS = ("check.bound=0.0", "thresholds.mode=fixed", "thresholds.fixed=0.3")


def drawn(out):
    return [row for row in manifest(out) if row["origin"] != "source"]


def test_what_is_drawn_is_read_back_and_the_next_run_draws_nothing(tmp_path, tiny_tagger, generator):
    art, out = folder_of(tmp_path / "art", mira=4), tmp_path / "out"
    run_here(art, out, tiny_tagger, *SETS)
    rows, before = drawn(out), tree(out)
    assert {row["origin"] for row in rows} >= {"consistency", "reconstruct"} and len(rows) == len(generator.drawn)
    for row in rows:
        assert row["source"] is None and row["generator"] == "counting fp32" and 0 <= row["check_score"] <= 1
        assert (out / row["file"]).is_file() and row["seed"] is not None and row["prompt"].startswith("masterpiece")
        assert (row["status"] == "kept") == (row["reason"] is None)
        if row["origin"] == "augmentation":
            folder = "kohya/" if row["status"] == "kept" else "generated/mira/rejected/"
            assert row["file"].startswith(folder)
    count = len(generator.drawn)
    run_here(art, out, tiny_tagger, *SETS)
    assert len(generator.drawn) == count and tree(out) == before


def test_a_run_that_was_stopped_while_drawing_ends_with_the_same_bytes(tmp_path, tiny_tagger, generator):
    art = folder_of(tmp_path / "art", mira=4)
    run_here(art, tmp_path / "whole", tiny_tagger, *SETS)
    whole, generator.drawn = list(generator.drawn), []
    generator.stops_after = 3
    with pytest.raises(KeyboardInterrupt):
        run_here(art, tmp_path / "cut", tiny_tagger, *SETS)
    generator.stops_after = None
    run_here(art, tmp_path / "cut", tiny_tagger, *SETS)
    assert sorted(generator.drawn) == sorted(whole)
    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")


def test_drawn_pictures_do_not_count_in_a_profile_nor_in_the_repeats(tmp_path, tiny_tagger, generator):
    art = folder_of(tmp_path / "art", mira=4)
    run_here(art, tmp_path / "drawn", tiny_tagger, *SETS)
    run_here(art, tmp_path / "plain", tiny_tagger, *SETS, "reconstruct.per_character=0", "consistency.per_character=0",
             "augmentation.share=0.0", "augmentation.least=0")  # fmt: skip

    def real(out):
        return [(row["image_id"], row["caption"], row["file"]) for row in manifest(out) if row["origin"] == "source"]

    assert real(tmp_path / "drawn") == real(tmp_path / "plain") and drawn(tmp_path / "plain") == []
    toml = tomllib.loads((tmp_path / "drawn" / "kohya" / "dataset.toml").read_text())
    assert toml["datasets"][0]["subsets"][0]["image_dir"] == "25_mira"
