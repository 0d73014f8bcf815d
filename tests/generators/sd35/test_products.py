"""FP8 products, as far as a CPU can tell: it has the same call, and sums in its own way."""

import pytest
import torch

from prep.errors import StoppedError
from prep.generators.sd35 import generator, products
from prep.generators.sd35.load import load_transformer
from prep.generators.sd35.products import WAYS, probe, use_products, way_to_multiply
from prep.tensors.device import card
from prep.tensors.fp8 import Fp8Linear, quantise_rows
from tests.support import tiny
from tests.support.emulated_card import show_cards

CPU, CARD = torch.device("cpu"), torch.device("cuda", 0)


def layer(out: int = 48, by_rows: bool = True) -> Fp8Linear:
    weight = torch.randn(out, 64, generator=torch.Generator().manual_seed(1))
    stored, scale = quantise_rows(weight)
    if not by_rows:
        stored, scale = (weight / 0.01).to(torch.float8_e4m3fn), torch.full((1, 1), 0.01)
    return Fp8Linear(stored, scale, torch.ones(out, dtype=torch.bfloat16))


works = pytest.mark.skipif(
    any(probe(CPU, way) for way in WAYS.values()), reason="this torch has no FP8 products on a CPU"
)


def in_a_block(own: Fp8Linear) -> torch.nn.Module:
    """Where a transformer has it: `attn.to_q`."""
    return torch.nn.ModuleDict({"attn": torch.nn.ModuleDict({"to_q": own})})


@works
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("by_rows", [True, False])
def test_a_product_is_near_the_dense_one_and_a_row_does_not_depend_on_the_others(by_rows, way):
    own = layer(by_rows=by_rows)
    x = torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(2)).bfloat16()
    wanted = own(x)
    assert use_products(in_a_block(own), way) == 1
    found = own(x)
    assert found.shape == wanted.shape and found.dtype == torch.bfloat16
    assert (found - wanted).float().norm() / wanted.float().norm() < 0.05
    louder = x.clone()
    louder[1] *= 100
    assert torch.equal(WAYS[way](own, louder)[0], found[0])
    assert WAYS[way](own, torch.zeros(3, 64).bfloat16()).isfinite().all()


def test_shapes_that_it_cannot_take_stay_storage():
    assert use_products(in_a_block(layer(out=40)), "by_rows") == 0


def test_only_attention_and_feed_forward_multiply_in_fp8(model):
    loaded = load_transformer(model, torch.bfloat16)
    use_products(loaded, "by_rows")
    fast = {name for name, part in loaded.named_modules() if isinstance(part, Fp8Linear) and part.product}
    slow = {name for name, part in loaded.named_modules() if isinstance(part, Fp8Linear) and not part.product}
    assert "transformer_blocks.0.attn.to_q" in fast and "transformer_blocks.0.ff_context.net.2" in fast
    assert "transformer_blocks.0.norm1.linear" in slow and {"norm_out.linear", "proj_out"} <= slow
    assert not [name for name in fast if "norm" in name or "embed" in name]


def test_a_card_without_them_is_told(monkeypatch):
    assert way_to_multiply(CPU) == ("", "a CPU has none")
    show_cards(monkeypatch, [("RTX 3090", 24 * 10**9)])
    assert way_to_multiply(CARD) == ("", "RTX 3090 has none")

    def broken(*given, **named):
        raise RuntimeError("Invalid scaling configuration\nmore")

    assert probe(CPU, broken) == "Invalid scaling configuration"
    assert "off by 1.00" in probe(CPU, lambda layer, x: x[:, :48] * 0)


def test_a_card_that_takes_one_scale_for_each_factor_multiplies_so(monkeypatch):
    show_cards(monkeypatch, [("RTX 5090", 32 * 10**9)], (12, 0))
    failing = {"by_rows": "Invalid scaling configuration", "by_tensor": ""}
    monkeypatch.setattr(products, "probe", lambda device, multiply: failing[multiply.__name__])
    assert way_to_multiply(CARD) == ("by_tensor", "")
    failing["by_rows"] = ""
    assert way_to_multiply(CARD) == ("by_rows", "")
    failing |= {"by_rows": "no", "by_tensor": "the card's product is off by 0.50"}
    assert way_to_multiply(CARD) == ("", "the card's product is off by 0.50")


@works
@pytest.mark.parametrize("way", WAYS)
def test_with_products_the_adaln_cache_leaves_the_picture_and_the_precision_says_what_multiplies(
    way, model, encoded, monkeypatch, one_thread
):
    monkeypatch.setattr(generator, "way_to_multiply", lambda device: (way, ""))
    told, pictures = set(), []
    for cache in (False, True):
        drawing = tiny.generator(model, encoded, torch.bfloat16, fp8_products=True, adaln_cache=cache)
        pictures.append(tiny.drawn(drawing, tiny.requests(2)))
        told.add(drawing.card.precision)
    assert tiny.same(*pictures)
    assert told == {{"by_rows": "fp8-scaled/fp8-blocks", "by_tensor": "fp8-scaled/fp8-blocks-by-tensor"}[way]}


@pytest.mark.parametrize(("quantise", "wanted"), [("none", "fp8-scaled/bf16"), ("stored", "fp8-scaled/fp8-blocks")])
def test_where_nothing_is_stored_in_fp8_nothing_multiplies_in_it(quantise, wanted, model, encoded, monkeypatch):
    monkeypatch.setattr(generator, "way_to_multiply", lambda device: ("by_rows", ""))
    drawing = tiny.generator(model, encoded, torch.bfloat16, fp8_products=True, quantise=quantise)
    assert drawing.card.precision.startswith(wanted) and bool(drawing.products) == wanted.endswith("blocks")


def test_a_card_that_is_full_does_not_count_as_one_without_products():
    def full(*given):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(StoppedError, match="no memory left for a product of 32 rows. Close what else uses it"):
        probe(CPU, full)


def test_a_card_and_the_most_that_was_held_on_it_are_noted(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A card")
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 9_876_000_000)
    assert card(torch.device("cuda")) == {"card": "A card", "most_gb": 9.88} and card(torch.device("cpu")) == {}
