import copy
import shutil

import pytest
import torch
from torch import nn

from prep.tensors.fp8 import Fp8Linear, quantise_rows


def layer(by_rows: bool = True, bias: bool = True) -> tuple[Fp8Linear, torch.Tensor]:
    """(layer 32 -> 48, its weight in float32)."""
    weight = torch.randn(48, 32, generator=torch.Generator().manual_seed(1)) * torch.logspace(-3, 1, 48)[:, None]
    stored, scale = quantise_rows(weight)
    if not by_rows:
        scale = weight.abs().max().reshape(1, 1) / 448
        stored = (weight / scale).to(torch.float8_e4m3fn)
    return Fp8Linear(stored, scale, torch.linspace(-1, 1, 48) if bias else None), stored.float() * scale


@pytest.mark.parametrize("by_rows", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_it_answers_as_a_linear_of_the_dequantised_weight(by_rows, bias):
    eight, weight = layer(by_rows, bias)
    x = torch.randn(3, 5, 32)
    assert torch.equal(eight(x), nn.functional.linear(x, weight, eight.bias))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("by_rows", [True, False])
def test_the_weight_is_rounded_once(dtype, by_rows):
    eight, weight = layer(by_rows)
    assert torch.equal(eight.dense(dtype), weight.to(dtype))


@pytest.mark.parametrize("move", ["to", "half", "bfloat16", "double", "float"])
def test_a_change_of_dtype_reaches_the_bias_alone(move):
    eight, _ = layer()
    model = nn.Sequential(copy.deepcopy(eight))
    model = model.to(torch.bfloat16) if move == "to" else getattr(model, move)()
    assert model[0].stored.dtype == torch.float8_e4m3fn
    assert torch.equal(model[0].stored.float(), eight.stored.float())
    assert model[0].scale.dtype == torch.float32 and torch.equal(model[0].scale, eight.scale)
    assert model[0].bias.dtype != torch.float32 or move == "float"


def test_a_change_of_device_reaches_everything():
    eight = layer()[0].to("meta", torch.bfloat16)
    assert eight.stored.is_meta and eight.scale.is_meta and eight.bias.is_meta
    assert eight.stored.dtype == torch.float8_e4m3fn and eight.scale.dtype == torch.float32
    empty = eight.to_empty(device="cpu")
    assert empty.stored.shape == (48, 32) and empty.stored.dtype == torch.float8_e4m3fn


def test_its_state_is_plain_to_see_and_comes_back():
    eight, _ = layer()
    state = eight.state_dict()
    assert {name: value.dtype for name, value in state.items()} == {
        "stored": torch.float8_e4m3fn,
        "scale": torch.float32,
        "bias": torch.float32,
    }
    other = layer()[0].to("meta")
    other.load_state_dict(state, strict=True, assign=True)
    x = torch.randn(2, 32)
    assert torch.equal(other(x), eight(x))
    assert torch.equal(copy.deepcopy(eight)(x), eight(x))
    assert "scaled by rows" in repr(eight)


def test_rows_lose_what_three_bits_of_mantissa_lose():
    weight = torch.randn(200, 300, generator=torch.Generator().manual_seed(2)) * torch.logspace(-6, 3, 200)[:, None]
    stored, scale = quantise_rows(weight)
    error = ((stored.float() * scale - weight).norm(dim=1) / weight.norm(dim=1)).max()
    assert error < 0.03  # half a step of 2**-3, spread evenly: 0.026
    assert stored.float().abs().amax(1).eq(448).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_rows_of_nothing_and_extreme_rows_stay_finite(dtype):
    most = torch.finfo(dtype).max
    weight = torch.tensor([[0.0, 0.0], [most, -most], [6e-8, -6e-8]], dtype=dtype)
    stored, scale = quantise_rows(weight)
    values = stored.float() * scale
    assert values.isfinite().all() and torch.equal(values[0], torch.zeros(2))
    assert torch.allclose(values, weight.float(), rtol=0.07)


def test_in_float16_a_layer_may_compute_in_float32():
    eight, weight = layer()
    eight.compute = torch.float32
    x = torch.full((1, 32), 60_000.0, dtype=torch.float16)
    assert eight(x).dtype == torch.float32 and eight(x).isfinite().all()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("c++"), reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
def test_it_compiles_without_a_break():
    eight = layer()[0]
    compiled = torch.compile(eight, fullgraph=True)
    x = torch.randn(4, 32)
    assert torch.allclose(compiled(x), eight(x), rtol=1e-5, atol=1e-5)
