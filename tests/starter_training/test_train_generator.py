"""The training script runs from the art to a file that is drawn with; small, since the real lessons take two hours."""

import json
import sys

import numpy as np
import pytest
import torch

from prep.generators.sd35.generator import SD35
from prep.generators.sd35.options import SD35Options
from starter_training import album, evaluate_generator, small, train_generator, train_transformer
from starter_training.train_generator import GENERATOR


@pytest.mark.slow
def test_training_from_chance_ends_in_a_generator(tmp_path, monkeypatch, capsys):
    out = tmp_path / "made" / "generator.safetensors"
    arguments = ["--pictures", "400", "--share", "0.003", "--folder", str(tmp_path / "kept"), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["train_generator", *arguments])
    train_generator.main()
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"file": out.name, "bytes": out.stat().st_size}
    for file in (out, tmp_path / "kept" / "bf16.safetensors"):
        generator = SD35(file.stem, {"model": file}, SD35Options())
        asked = evaluate_generator.requests(generator, 2, False)
        found = dict(generator.draw(asked, {}, tmp_path / "prompts"))
        assert found.keys() == {request.key for request in asked}
        for request in asked:
            assert found[request.key].shape == (request.height, request.width, 3)


def test_the_same_number_gives_the_same_picture_and_held_out_choices_are_never_shown():
    picture, same = small.numbered(5), small.numbered(5)
    assert np.array_equal(picture.image, same.image) and picture.tags == same.tags
    assert not any(small.choose(np.random.default_rng(number)).held_out for number in range(20))
    assert small.choose(np.random.default_rng(1), held_out=True).held_out


def test_a_quarter_of_the_pictures_shows_nobody():
    found = [small.numbered(number) for number in range(60)]
    empty = [one for one in found if "no_humans" in one.tags]
    assert 0.1 < len(empty) / len(found) < 0.4
    assert all(one.face == (0, 0, 0, 0) and not {"1girl", "solo"} & {*one.tags} for one in empty)


def test_a_generator_is_trained_further_from_its_own_file():
    model = train_transformer.Model()
    model.load(GENERATOR)
    tokens = torch.tensor([train_transformer.Prompts(1).tokens(("1girl",))])
    hidden, pooled = model.encode(tokens)
    assert hidden.isfinite().all() and pooled.abs().mean() > 0.1
    fresh = train_transformer.Model().state_dict()
    assert all(not torch.equal(value, fresh[name]) for name, value in model.state_dict().items() if value.ndim == 2)


def test_an_album_is_drawn_once_and_its_faces_lie_in_its_pictures(tmp_path):
    drawn = album.draw(60, tmp_path, 1)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    assert sum(len(one.tags) for one in album.draw(60, tmp_path, 1).values()) == 60
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    for (width, height), one in drawn.items():
        assert one.images.shape[1:] == (height, width, 3) and len(one.faces) == len(one.images)
        empty = np.array(["no_humans" in tags for tags in one.tags])
        assert (one.faces[~empty, :2] < one.faces[~empty, 2:]).all() and (one.faces[:, 0] < width).all()
        assert not one.faces[empty].any()
