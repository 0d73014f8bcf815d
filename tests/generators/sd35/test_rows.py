import pytest
import torch

from prep.generators.sd35.adaln import AdalnCache
from prep.generators.sd35.load import load_transformer
from prep.generators.sd35.rows import ByPicture
from prep.tensors.fp8 import Fp8Linear
from tests.support import reference
from tests.support.reference import LAYOUTS, answer, save, scaled

pytestmark = pytest.mark.usefixtures("one_thread")


def given(model, dtype, rows: int, side: int = 18) -> dict:
    numbers = torch.Generator().manual_seed(3)
    config = model.config
    return dict(
        hidden_states=torch.randn(rows, config.in_channels, side, 14, generator=numbers).to(dtype),
        encoder_hidden_states=torch.randn(rows, 7, config.joint_attention_dim, generator=numbers).to(dtype),
        pooled_projections=torch.randn(rows, config.pooled_projection_dim, generator=numbers).to(dtype),
        timestep=torch.full((rows,), 640.5),
    )


@pytest.mark.parametrize("rows_each", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_batch_answers_as_its_pictures_alone(layout, dtype, rows_each, tmp_path):
    plain = load_transformer(reference.tiny_file(tmp_path, layout), dtype)
    model = load_transformer(reference.tiny_file(tmp_path, layout), dtype)
    by_picture = ByPicture(model)
    by_picture.pictures = 3
    together = given(plain, dtype, 3 * rows_each)
    found = answer(model, together)
    for at in range(3):
        own = {name: value[at::3].contiguous() for name, value in together.items()}
        assert torch.equal(found[at::3], answer(plain, own))


def test_fp8_weights_are_made_dense_once_for_all_pictures_and_dropped(tmp_path, monkeypatch):
    path = save(scaled(reference.lively_tensors(), "scale_weight"), tmp_path / "lively.safetensors")
    model = load_transformer(path, torch.float32)
    made = []
    own = Fp8Linear._dense
    monkeypatch.setattr(Fp8Linear, "_dense", lambda self, dtype: made.append(id(self)) or own(self, dtype))
    by_picture = ByPicture(model)
    by_picture.pictures = 4
    answer(model, given(model, torch.float32, 4))
    layers = [part for part in model.modules() if isinstance(part, Fp8Linear)]
    assert len(made) == len(set(made)) == len(layers)
    assert all(layer.kept is None and not layer.keeps for layer in layers)


def test_with_the_adaln_cache(tmp_path):
    path = reference.tiny_file(tmp_path, "fp8")
    plain, model = load_transformer(path), load_transformer(path)
    together = given(plain, torch.bfloat16, 4)
    together["pooled_projections"] = together["pooled_projections"][[0, 0, 1, 1]]
    cache = AdalnCache(model, path)
    by_picture = ByPicture(model)
    by_picture.pictures = 2
    cache.prepare(together["timestep"][:1], together["pooled_projections"][::2])
    found = answer(model, together)
    for at in range(2):
        own = {name: value[at::2].contiguous() for name, value in together.items()}
        assert torch.equal(found[at::2], answer(plain, own))
