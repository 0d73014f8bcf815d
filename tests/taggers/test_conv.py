"""A packed network answers as the plain one does, whatever its shape; where packing is not known to work, none is."""

import copy
import logging
import platform
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from prep.options import TaggerOptions
from prep.taggers import deepdanbooru
from prep.taggers._conv import Conv, PackedConv, answers_as_plain, can_pack, pack
from prep.taggers._params import ResNetParams, Stage
from prep.taggers._resnet import ResNet
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


OPERATORS = ("_reorder_convolution_weight", "_convolution_pointwise", "_convolution_pointwise_")


def refusing(*_):
    raise RuntimeError("Unknown builtin op\nand a page of C++")


def swap_one(monkeypatch, name: str, operator) -> None:
    """Put one of oneDNN's operators in torch out of its place; None: it is missing."""
    operators = {each: getattr(torch.ops.mkldnn, each) for each in OPERATORS} | {name: operator}
    here = SimpleNamespace(**{each: call for each, call in operators.items() if call})
    monkeypatch.setattr(torch.ops, "mkldnn", here)


@pytest.fixture
def untried():
    answers_as_plain.cache_clear()
    yield
    answers_as_plain.cache_clear()


def wrong(operator, how):
    return lambda *arguments: how(operator(*arguments))


BROKEN = {
    "missing": lambda operator: None,
    "refusing": lambda operator: refusing,
    "wrong": lambda operator: wrong(operator, lambda answer: answer + 0.5),
    "half wrong": lambda operator: wrong(operator, lambda answer: answer.index_fill(1, torch.tensor([3]), 0)),
    "not a number": lambda operator: wrong(operator, lambda answer: answer * float("nan")),
}


@packs
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", OPERATORS[1:])
@pytest.mark.parametrize("broken", BROKEN)
def test_where_an_operator_is_not_what_it_was_plain_convolutions_are_used_and_it_is_said_once(
    monkeypatch, untried, caplog, dtype, name, broken
):
    swap_one(monkeypatch, name, BROKEN[broken](getattr(torch.ops.mkldnn, name)))
    with caplog.at_level(logging.INFO, "prep"):
        for _ in range(2):
            plain, packed = plain_and_packed(SHAPES[0][0], dtype)
    assert not any(isinstance(each, PackedConv) for each in packed.modules())
    batch = torch.rand(1, 64, 64, 3).to(dtype)
    assert torch.equal(plain.logits(batch), packed.logits(batch))
    assert len(caplog.messages) == 1 and "packed convolutions do not work" in caplog.messages[0]
    assert "\n" not in caplog.messages[0]


@packs
def test_weights_that_cannot_be_put_in_order_are_left_as_they_are(monkeypatch, untried, caplog):
    swap_one(monkeypatch, "_reorder_convolution_weight", refusing)
    _, packed = plain_and_packed(SHAPES[0][0], torch.float32)
    assert not any(isinstance(each, PackedConv) for each in packed.modules())


@packs
def test_one_type_that_fails_leaves_the_other(monkeypatch, untried, caplog):
    real = torch.ops.mkldnn._convolution_pointwise

    def no_bfloat16(x, *rest):
        if x.dtype == torch.bfloat16:
            raise RuntimeError("bf16 path needs the cpu support avx512bw")
        return real(x, *rest)

    swap_one(monkeypatch, "_convolution_pointwise", no_bfloat16)
    assert answers_as_plain(torch.float32) and not answers_as_plain(torch.bfloat16)


@packs
def test_trying_changes_no_chance_and_says_nothing_when_all_is_well(untried, caplog):
    before = torch.get_rng_state()
    assert answers_as_plain(torch.float32) and answers_as_plain(torch.bfloat16)
    assert torch.equal(torch.get_rng_state(), before) and not caplog.messages


@packs
def test_it_is_tried_once_a_process(monkeypatch, untried):
    plain_and_packed(SHAPES[0][0], torch.float32)
    swap_one(monkeypatch, "_convolution_pointwise", None)  # from here on a trial would fail
    _, packed = plain_and_packed(SHAPES[0][0], torch.float32)
    assert any(isinstance(each, PackedConv) for each in packed.modules())
