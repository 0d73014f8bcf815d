"""The shipped starter tagger holds what its card says, on a small fixed sample. Reads the art in examples/."""

import json

import pytest
import torch

from prep.images import open_image
from prep.starter import art, evaluate_tagger
from prep.starter.sampling import held_out_pool, known_pool
from prep.starter.train_tagger import STAGES, TAGGER, Standardised, plain, trainable
from prep.taggers._checkpoint import read_checkpoint
from prep.taggers._resnet import ResNet, ResNetParams
from prep.taggers.deepdanbooru import DeepDanbooru


@pytest.fixture(scope="module")
def tagger():
    return DeepDanbooru(TAGGER, device="cpu")


def test_the_file_is_small_and_names_its_tags():
    assert TAGGER.stat().st_size <= 5_000_000
    assert read_checkpoint(TAGGER).tags == art.vocabulary()


def test_unseen_faces_and_scenes_are_read(tagger):
    report = evaluate_tagger.measure(tagger, evaluate_tagger.compositions(held_out_pool(), 60))
    for bound in ("0.35", "0.45", "0.55", "adaptive"):
        assert report[bound]["f1"] >= 0.85, json.dumps(report)
        assert report[bound]["hair_right"] >= 0.95, json.dumps(report)


def test_known_faces_and_scenes_are_read(tagger):
    report = evaluate_tagger.measure(tagger, evaluate_tagger.compositions(known_pool(), 60))
    for bound in ("0.35", "0.45", "0.55", "adaptive"):
        assert report[bound]["f1"] >= 0.9, json.dumps(report)


def test_strangers_get_few_tags(tagger):
    report = evaluate_tagger.measure(tagger, evaluate_tagger.drawings(60))
    assert report["adaptive"]["wrong_a_picture"] <= 0.5, json.dumps(report)


def test_no_sprite_in_examples_gets_a_wrong_tag(tagger):
    """Each as it lies on disk, on white: the pictures that the README shows."""
    for outfit, face in art.faces():
        image = open_image(art.figure_path(outfit, face).read_bytes()).pixels
        scores = tagger.scores(tagger.prepare(image)[None])[0]
        named = {tag for tag, score in zip(tagger.vocabulary.names, scores, strict=True) if score >= 0.38}
        figure = art.figure(outfit, face)
        true = set(figure.tags) | {
            "rating:safe",
            "1girl",
            "solo",
            "cowboy_shot",
            "simple_background",
            "white_background",
        }
        assert named <= true | figure.maybe, (outfit, face, named - true)
        assert len(named & true) >= 0.8 * len(true), (outfit, face, true - named)


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
