"""The training script runs from the art to a file that is drawn with; small, since the real lessons take two hours."""

import json
import sys
from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from prep.generators.sd35.generator import SD35
from prep.generators.sd35.options import SD35Options
from starter_training import album, evaluate_generator, recolour, small, train_generator, train_transformer, words
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


def test_every_expression_of_everybody_is_shown_often():
    """Those of the faces that are held out, too: the examples ask for them."""
    rng = np.random.default_rng(5)
    found = Counter((one.outfit, one.mouth) for one in (small.choose(rng) for _ in range(2000)))
    assert min(found[outfit, mouth] for outfit, _ in found for mouth in recolour.MOUTHS) > 30


def test_some_pictures_show_nobody():
    found = [small.numbered(number) for number in range(60)]
    empty = [one for one in found if "no_humans" in one.tags]
    assert 0.04 < len(empty) / len(found) < 0.3
    assert all(one.face == (0, 0, 0, 0) and not {"1girl", "solo"} & {*one.tags} for one in empty)
    assert not any(one.figure.any() for one in empty)


def test_what_is_asked_for_decides_where_a_figure_stands():
    for number, (size, view) in enumerate(product(small.SIZES, small.VIEWS)):
        choice = replace(small.choose(np.random.default_rng(number)), place="white", view=view)
        one, *others = (small.picture(choice, (seed,), size) for seed in range(4))
        assert all(np.array_equal(one.image, other.image) for other in others)
        assert one.figure.shape == (size[1] // 8, size[0] // 8)
        assert one.figure.max() == 255 and not {*one.unseen} & {*one.tags}


@pytest.mark.parametrize("place", ("bg_washington", "bg_meadow"))
def test_in_a_portrait_a_grey_jacket_is_not_set_before_a_grey_lake_or_road(place):
    for seed in range(3):
        one = small.picture(small.Choice("eileen", "happy", "smile", "portrait", place), (seed,), (160, 160))
        lowest = one.image[-8:].reshape(8, 20, 8, 3).mean((0, 2))  # of each latent
        jacket, behind = (lowest[np.flatnonzero(one.figure[-1] == covered)[[0, -1]]] for covered in (255, 0))
        assert np.abs(jacket - behind).mean(1).min() > 28  # of 255; 25 before the lake and 2 before the road


def test_a_prompt_may_name_what_the_frame_leaves_out():
    prompts, skirt = train_transformer.Prompts(1), train_transformer.Prompts(1).numbers["skirt"]
    named = [skirt in prompts.tokens(("1girl", "portrait"), ("skirt",)) for _ in range(300)]
    assert 0.3 < np.mean(named) < 0.6 and not any(skirt in prompts.tokens(("1girl", "portrait")) for _ in range(50))


def test_some_prompts_name_few_tags():
    prompts, tags = train_transformer.Prompts(1), tuple(words.words()[20:40])
    named = np.array([len({*prompts.tokens(tags)} & {prompts.numbers[tag] for tag in tags}) for _ in range(500)])
    assert 0.3 < np.mean(named == 20) < 0.6 and 0.1 < np.mean((named > 3) & (named < 15)) < 0.3


def test_a_generator_is_trained_further_from_its_own_file():
    model = train_transformer.Model()
    model.load(GENERATOR)
    tokens = torch.tensor([train_transformer.Prompts(3).tokens(tags) for tags in (("1girl",), ("no_humans",))])
    hidden, pooled = model.encode(tokens)
    assert hidden.isfinite().all() and (pooled[0] - pooled[1]).abs().max() > 0.1
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
