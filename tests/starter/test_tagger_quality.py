"""The shipped starter tagger holds what its card says, on a small fixed sample. Reads the art in examples/."""

import json
import runpy

import pytest
import torch

from prep.images import open_image
from prep.options import TaggerOptions
from prep.taggers._checkpoint import read_checkpoint
from prep.taggers._params import ResNetParams
from prep.taggers._resnet import ResNet
from prep.taggers.deepdanbooru import DeepDanbooru
from starter_training import art, evaluate_tagger
from starter_training.compose import Actor, Plain, compose
from starter_training.sampling import held_out_pool, known_pool
from starter_training.train_tagger import STAGES, TAGGER, Standardised, plain, trainable


@pytest.fixture(scope="module")
def tagger():
    return DeepDanbooru("starter-tagger", {"model": TAGGER}, TaggerOptions(device="cpu"))


def test_the_file_is_small_and_names_its_tags():
    assert TAGGER.stat().st_size <= 5_000_000
    assert read_checkpoint(TAGGER).tags == art.vocabulary()


def test_unseen_faces_and_scenes_are_read(tagger):
    report = evaluate_tagger.measure(tagger, evaluate_tagger.compositions(held_out_pool(), 40))
    for bound in ("0.35", "0.45", "0.55", "adaptive"):
        assert report[bound]["f1"] >= 0.85, json.dumps(report)
        assert report[bound]["hair_right"] >= 0.95, json.dumps(report)


def test_known_faces_and_scenes_are_read(tagger):
    report = evaluate_tagger.measure(tagger, evaluate_tagger.compositions(known_pool(), 40))
    for bound in ("0.35", "0.45", "0.55", "adaptive"):
        assert report[bound]["f1"] >= 0.9, json.dumps(report)


def test_strangers_get_few_tags(tagger):
    report = evaluate_tagger.measure(tagger, evaluate_tagger.drawings(40))
    assert report["adaptive"]["wrong_a_picture"] <= 0.5, json.dumps(report)


def test_no_example_gets_a_wrong_tag(tagger):
    """All 24 pictures that the README shows, at the threshold that a run would take."""
    for path, truth in examples():
        image = open_image(path.read_bytes()).pixels
        scores = tagger.scores(tagger.prepare(image)[None])[0]
        bound = evaluate_tagger.adaptive(image)
        named = {tag for tag, score in zip(tagger.vocabulary.names, scores, strict=True) if score >= bound}
        assert named <= truth.tags | truth.unsure, (path.name, named - truth.tags)
        assert len(named & truth.tags) >= 0.9 * len(truth.tags), (path.name, truth.tags - named)


def examples():
    """Pairs of file and Picture."""
    white = Plain((255, 255, 255), (255, 255, 255), frozenset({"simple_background", "white_background"}))
    for outfit, face in art.faces():
        sprite = art.figure(outfit, face)
        height, width = sprite.rgba.shape[:2]
        yield art.figure_path(outfit, face), compose([Actor(sprite, 1, 0, 0)], white, width, height)
    script = runpy.run_path(str(art.EXAMPLES / "make_examples.py"))
    for shot in script["SHOTS"]:
        yield art.EXAMPLES / "characters" / shot.file, script["composed"](shot)


def test_what_is_trained_is_the_network_that_ships():
    """Standardised weights are a plain convolution's: the same answers, up to float16."""
    torch.manual_seed(0)
    network = trainable(ResNetParams(24, STAGES, 5)).eval()
    assert any(isinstance(module, Standardised) for module in network.modules())
    shipped = ResNet(ResNetParams(24, STAGES, 5)).eval()
    shipped.load_state_dict({name: value.float() for name, value in plain(network).items()})
    batch = torch.rand(1, 64, 64, 3)
    with torch.inference_mode():
        assert torch.allclose(network(batch), shipped(batch), atol=1e-3)
