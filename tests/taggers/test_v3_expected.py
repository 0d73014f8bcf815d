"""The whole network, at full size, against what a correct one answers: 644 MB written, 161 M parameters run."""

from pathlib import Path

import numpy as np
import pytest
import torch

from prep.options import TaggerOptions
from prep.taggers.deepdanbooru import DeepDanbooru
from tests.v3.make_checkpoint import make

EXPECTED = np.load(Path(__file__).parent.parent / "v3" / "expected-seed1.npz")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("v3") / "model-resnet_custom_v3.pt"
    make(path, seed=1)
    yield path
    path.unlink()


def test_float32_answers_as_the_published_network(checkpoint):
    tagger = DeepDanbooru("v3", {"model": checkpoint}, TaggerOptions(device="cpu", batch=2), torch.float32)
    probes = [np.random.default_rng(int(EXPECTED[f"probe_{k}"])).random((1, 512, 512, 3), np.float32) for k in (0, 1)]
    answers = tagger.scores(np.concatenate(probes))
    for k in (0, 1):
        assert np.abs(answers[k] - EXPECTED[f"probs_{k}"]).max() < 1e-4
