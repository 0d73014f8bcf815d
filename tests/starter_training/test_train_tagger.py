"""The training script runs from the art to a file that the tagger reads; small, since the real lessons take an hour."""

import json
from dataclasses import replace

import numpy as np
import pytest

from prep.options import TaggerOptions
from prep.taggers.deepdanbooru import DeepDanbooru
from starter_training import art, train_tagger


@pytest.mark.slow
def test_training_from_chance_ends_in_a_tagger(tmp_path, monkeypatch, capsys):
    lessons = tuple(replace(lesson, pictures=96, epochs=2) for lesson in train_tagger.LESSONS)
    monkeypatch.setattr(train_tagger, "LESSONS", lessons)
    monkeypatch.setattr(train_tagger, "TAGGER", tmp_path / "tagger.safetensors")
    monkeypatch.setattr("sys.argv", ["train_tagger", "--batch-size", "32", "--folder", str(tmp_path / "pictures")])
    train_tagger.main()
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["bytes"] < 5_000_000 and set(told["seconds"]) == {lesson.name for lesson in lessons}
    tagger = DeepDanbooru("own", {"model": tmp_path / "tagger.safetensors"}, TaggerOptions(device="cpu", batch=2))
    assert tagger.vocabulary.names == tuple(art.vocabulary())
    scores = tagger.scores(np.zeros((1, tagger.side_px, tagger.side_px, 3), np.float32))
    assert np.isfinite(scores).all() and scores.min() > 0 and scores.max() < 1
