import gc

import pytest
import torch

from prep.errors import UsageError
from prep.generators.sd35.adaln import AdalnCache
from prep.generators.sd35.load import load_transformer
from tests.support import reference
from tests.support.reference import LAYOUTS, answer, save, scaled

STEPS = torch.tensor([1000.0, 640.5, 3.125])


def given(model, dtype, rows: int = 2, seed: int = 0, step: float = 640.5) -> dict:
    numbers = torch.Generator().manual_seed(seed)
    config = model.config
    return dict(
        hidden_states=torch.randn(rows, config.in_channels, 16, 16, generator=numbers).to(dtype),
        encoder_hidden_states=torch.randn(rows, 7, config.joint_attention_dim, generator=numbers).to(dtype),
        pooled_projections=torch.randn(rows, config.pooled_projection_dim, generator=numbers).to(dtype),
        timestep=torch.tensor(step).expand(rows),
    )


@pytest.mark.parametrize("quantise", ["stored", "blocks"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_cached_answer_is_the_same_to_the_bit(layout, quantise, tmp_path):
    same_to_the_bit(reference.tiny_file(tmp_path, layout), torch.float32, quantise)


@pytest.mark.parametrize("by_rows", [True, False])
def test_it_is_the_same_in_bfloat16_with_lively_weights_of_either_scale(by_rows, tmp_path):
    path = save(scaled(reference.lively_tensors(), "weight_scale", by_rows=by_rows), tmp_path / "lively.safetensors")
    same_to_the_bit(path, torch.bfloat16, "stored")


def test_it_is_the_same_when_quantised_while_loading(tmp_path):
    same_to_the_bit(save(reference.lively_tensors(), tmp_path / "dense.safetensors"), torch.bfloat16, "all")


@pytest.mark.slow
def test_it_is_the_same_at_mediums_width(tmp_path, medium_width):
    same_to_the_bit(reference.tiny_file(tmp_path, "fp8-scaled", medium_width), torch.bfloat16, "stored")


def same_to_the_bit(path, dtype, quantise) -> None:
    plain = load_transformer(path, dtype, quantise)
    model = load_transformer(path, dtype, quantise)
    cache = AdalnCache(model, path)
    for seed in (1, 2):  # two prompt pairs, one after the other
        pooled = given(plain, dtype, seed=seed)["pooled_projections"]
        cache.prepare(STEPS, pooled, pooled[1:])
        for step in STEPS.tolist():
            both = given(plain, dtype, seed=seed, step=step)
            one = {name: value[1:] for name, value in both.items()}  # as skip-layer guidance asks
            for batch in (both, one):
                assert torch.equal(answer(model, batch), answer(plain, batch))


def test_other_steps_and_prompts_are_refused(tmp_path):
    path = reference.tiny_file(tmp_path, "fp8")
    model = load_transformer(path, torch.float32)
    cache = AdalnCache(model, path)
    with pytest.raises(UsageError, match="not prepared"):
        answer(model, given(model, torch.float32))
    cache.prepare(STEPS, given(model, torch.float32)["pooled_projections"])
    answer(model, given(model, torch.float32))
    for other in (dict(step=641.0), dict(seed=1), dict(rows=1)):
        with pytest.raises(UsageError, match="Prepare it again"):
            answer(model, given(model, torch.float32, **other))
    mixed = given(model, torch.float32) | {"timestep": torch.tensor([640.5, 1000.0])}
    with pytest.raises(UsageError, match="not prepared"):
        answer(model, mixed)


def test_the_modulation_layers_are_gone(tmp_path):
    path = reference.tiny_file(tmp_path, "fp8-scaled")
    model = load_transformer(path)
    before = sum(value.nbytes for value in model.state_dict().values())
    cache = AdalnCache(model, path)
    gc.collect()
    after = sum(value.nbytes for value in model.state_dict().values())
    assert not [name for name in model.state_dict() if "norm1.linear" in name or "norm_out.linear" in name]
    # Of the tiny model: 9 + 6 + 6 + 6 + 6 + 2 + 2 matrices of 128 x 128, their scales and biases, and time_text_embed.
    assert before - after > 37 * 128 * 128
    cache.prepare(STEPS, torch.zeros(2, 64))
    assert cache.bytes == len(STEPS) * 2 * 37 * 128 * 2
