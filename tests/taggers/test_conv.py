"""A packed network answers as the plain one does, whatever its shape; where packing is not known to work, none is."""

import copy
import platform

import numpy as np
import pytest
import torch
from torch import nn

from prep.config import TaggerOptions
from prep.taggers import deepdanbooru
from prep.taggers._conv import Conv, PackedConv, can_pack, pack
from prep.taggers._resnet import ResNet, ResNetParams, Stage
from prep.taggers.deepdanbooru import DeepDanbooru

packs = pytest.mark.skipif(not can_pack(), reason="this processor or this torch can't pack")
SHAPES = [  # (network, side of a picture); the second ends in planes of one pixel
    (ResNetParams(8, (Stage(8, 16, 1), Stage(8, 32, 1)), 5), 64),
    (ResNetParams(8, (Stage(8, 16, 1), Stage(8, 32, 2), Stage(16, 48, 2)), 7), 16),
    (ResNetParams(64, (Stage(64, 256, 3), Stage(32, 128, 3)), 100), 32),
]


def tagger_of(weights, dtype: torch.dtype | None = None) -> DeepDanbooru:
    return DeepDanbooru("tiny", {"model": weights}, TaggerOptions(device="cpu", batch=4), dtype)


def plain_and_packed(params: ResNetParams, dtype: torch.dtype) -> tuple[ResNet, ResNet]:
    torch.manual_seed(0)
    plain = ResNet(params).to(dtype, memory_format=torch.channels_last).eval().requires_grad_(False)
    packed = copy.deepcopy(plain)
    pack(packed)
    return plain, packed


@packs
@pytest.mark.parametrize(("params", "side"), SHAPES)
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.02)])
@torch.inference_mode()
def test_packed_answers_as_plain(params, side, count, dtype, tolerance):
    plain, packed = plain_and_packed(params, dtype)
    batch = torch.rand(count, side, side, 3).to(dtype)
    expected, found = plain.logits(batch), packed.logits(batch)
    assert expected.std() > 0.01  # else anything would be near it
    assert (expected - found).abs().max() <= tolerance
    assert torch.equal(packed.logits(batch), found)  # the second batch finds the weights in order


@packs
@torch.inference_mode()
def test_another_shape_than_the_first_is_answered_too():
    plain, packed = plain_and_packed(SHAPES[2][0], torch.float32)
    for count, side in ((2, 32), (3, 64), (1, 32)):
        batch = torch.rand(count, side, side, 3)
        assert torch.allclose(packed.logits(batch), plain.logits(batch), atol=1e-5)


@packs
@torch.inference_mode()
def test_what_enters_a_packed_convolution_is_left_alone():
    conv = Conv(4, 4, 3, padding=1).requires_grad_(False)
    x, plus = (torch.randn(2, 4, 8, 8).contiguous(memory_format=torch.channels_last) for _ in range(2))
    kept, expected = x.clone(), conv(x, plus=plus.clone(), relu=True)
    assert torch.allclose(PackedConv(conv)(x, plus=plus, relu=True), expected, atol=1e-5)
    assert torch.equal(x, kept) and expected.min() == 0


@packs
def test_a_packed_network_holds_its_weights_once(tiny_tagger):
    tagger = tagger_of(tiny_tagger)
    tagger.scores(np.zeros((2, 64, 64, 3), np.float32))
    convolutions = [each for each in tagger.network.modules() if isinstance(each, (nn.Conv2d, PackedConv))]
    assert all(isinstance(each, PackedConv) and each.weight.is_mkldnn for each in convolutions) and convolutions


def test_without_packing_the_scores_are_the_same(tiny_tagger, monkeypatch):
    batch = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    here = tagger_of(tiny_tagger, torch.float32).scores(batch)
    monkeypatch.setattr(deepdanbooru, "can_pack", lambda: False)
    plain = tagger_of(tiny_tagger, torch.float32)
    assert not any(isinstance(each, PackedConv) for each in plain.network.modules())
    assert np.abs(plain.scores(batch) - here).max() < 1e-5


@pytest.mark.parametrize("machine", ["aarch64", "arm64", "riscv64", ""])
def test_only_x86_packs(monkeypatch, machine):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert not can_pack()
