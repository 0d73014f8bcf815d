"""FP8 products, as far as a CPU can tell: it has the same call, and sums in its own way."""

import pytest
import torch

from prep.generators.sd35 import products
from prep.generators.sd35.products import multiply, probe, use_products, why_no_products
from prep.tensors.device import card
from prep.tensors.fp8 import Fp8Linear, quantise_rows

CPU = torch.device("cpu")


def layer(out: int = 48, by_rows: bool = True) -> Fp8Linear:
    weight = torch.randn(out, 64, generator=torch.Generator().manual_seed(1))
    stored, scale = quantise_rows(weight)
    if not by_rows:
        stored, scale = (weight / 0.01).to(torch.float8_e4m3fn), torch.full((1, 1), 0.01)
    return Fp8Linear(stored, scale, torch.ones(out, dtype=torch.bfloat16))


@pytest.mark.skipif(probe(CPU) != "", reason="this torch has no FP8 products on a CPU")
@pytest.mark.parametrize("by_rows", [True, False])
def test_a_product_is_near_the_dense_one_and_a_row_does_not_depend_on_the_others(by_rows):
    own = layer(by_rows=by_rows)
    x = torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(2)).bfloat16()
    wanted = own(x)
    assert use_products(torch.nn.Sequential(own)) == 1
    found = own(x)
    assert found.shape == wanted.shape and found.dtype == torch.bfloat16
    assert (found - wanted).float().norm() / wanted.float().norm() < 0.05
    louder = x.clone()
    louder[1] *= 100
    assert torch.equal(multiply(own, louder)[0], found[0])
    assert multiply(own, torch.zeros(3, 64).bfloat16()).isfinite().all()


def test_shapes_that_it_cannot_take_stay_storage():
    assert use_products(torch.nn.Sequential(layer(out=40), torch.nn.Linear(16, 16))) == 0


def test_a_card_without_them_is_told(monkeypatch):
    assert why_no_products(CPU) == "a CPU has none"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 6))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "RTX 3090")
    assert why_no_products(torch.device("cuda")) == "RTX 3090 has none"

    def broken(*given, **named):
        raise RuntimeError("Invalid scaling configuration\nmore")

    monkeypatch.setattr(products, "multiply", broken)
    assert probe(CPU) == "Invalid scaling configuration"
    monkeypatch.setattr(products, "multiply", lambda layer, x: x[:, :48] * 0)
    assert "off by 1.00" in probe(CPU)


def test_a_card_and_the_most_that_was_held_on_it_are_noted(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A card")
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 9_876_000_000)
    assert card(torch.device("cuda")) == {"card": "A card", "most_gb": 9.88} and card(torch.device("cpu")) == {}
