"""Every shape in a file of SD3.5 is checked by its header: one that does not fit is refused in a sentence."""

import json
from itertools import cycle

import pytest
import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, T5Config, T5EncoderModel

from prep.errors import WeightsError
from prep.generators.sd35.header import describe
from prep.generators.sd35.look import check
from prep.generators.sd35.names import layers, norms
from prep.generators.sd35.options import SD35Options
from prep.generators.sd35.shapes import clip_shapes, layer_shape, positions_shape, t5_shapes, vae_shapes
from prep.generators.sd35.sizes import vae_config
from prep.tensors.file import DTYPES
from tests.sd35.make_checkpoint import COMMON, SIZES
from tests.support import tiny
from tests.support.reference import entry, headed

BENT = ([], [7], [0], [2, 0], [10**15, 0], [0, 3, 3], [1, 1, 1], [2, 2, 2, 2], [1, 0, 10**18, 1], [1, 2, 1, 2, 1])


@pytest.mark.parametrize("size", ["large", "medium", "tiny"])
def test_the_transformers_shapes_are_those_of_diffusers(size):
    config = {**COMMON, **SIZES[size]}
    with torch.device("meta"):
        network = SD3Transformer2DModel.from_config(config)
    config = dict(network.config)
    found = {"pos_embed.pos_embed": positions_shape(config)}
    for ours, _, _ in layers(config):
        shape = layer_shape(ours, config)
        found |= {f"{ours}.weight": shape, f"{ours}.bias": shape[:1]}
    found |= {f"{ours}.weight": (config["attention_head_dim"],) for ours, _ in norms(config)}
    assert found == shapes_of(network)


def shapes_of(network) -> dict:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


@pytest.mark.parametrize("quant", [True, False])
def test_the_vaes_shapes_are_those_of_diffusers(quant):
    config = {
        "latent_channels": 16, "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2,
        "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
        "use_quant_conv": quant, "use_post_quant_conv": quant, "mid_block_add_attention": not quant,
    }  # fmt: skip
    with torch.device("meta"):
        network = AutoencoderKL(**config)
    assert vae_shapes(dict(network.config)) == shapes_of(network)


def test_the_encoders_shapes_are_those_of_transformers():
    with torch.device("meta"):
        clip = CLIPTextModelWithProjection(CLIPTextConfig(num_hidden_layers=3, hidden_size=128, intermediate_size=96))
        t5 = T5EncoderModel(T5Config(num_layers=3, d_model=64, d_kv=8, num_heads=4, feed_forward_proj="gated-gelu"))
    found = {key: shape for key, shape in shapes_of(clip).items() if not key.endswith("position_ids")}
    assert clip_shapes(clip.config.to_dict()) == found
    found = {key: shape for key, shape in shapes_of(t5).items() if key != "encoder.embed_tokens.weight"}
    assert t5_shapes(t5.config.to_dict()) == found


@pytest.fixture(scope="module")
def header(model) -> dict:
    data = model.read_bytes()
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


@pytest.fixture
def bent(header, tmp_path):
    """bent(name, shape): the file with one tensor in another shape, or without it. Its numbers are a hole."""

    def bent(name: str, shape: list[int] | None):
        entries, end = {"__metadata__": header["__metadata__"]}, 0
        for key, each in header.items():
            if key == "__metadata__" or key == name and shape is None:
                continue
            found = shape if key == name else each["shape"]
            count = DTYPES[each["dtype"]][1]
            for number in found:
                count *= number
            entries[key] = entry(each["dtype"], found, (end, end + count))
            end += count
        path = tmp_path / "bent.safetensors"
        path.write_bytes(headed(entries))
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size + end)
        return path

    return bent


def said(path) -> str:
    with pytest.raises(WeightsError) as found:
        check("bent", {"model": path}, SD35Options())
    assert path.name in str(found.value) and len(str(found.value)) < 400 and "\n" not in str(found.value)
    return str(found.value)


def test_the_whole_file_is_taken_as_it_is(header, bent):
    check("bent", {"model": bent("", None)}, SD35Options())


def test_a_tensor_that_is_missing_or_of_any_other_shape_is_named(header, bent):
    names = [name for name in header if name.endswith((".weight", ".bias", "pos_embed"))]
    for name, shape in zip(names[::7], cycle([*BENT, None]), strict=False):
        if shape != header[name]["shape"]:
            said(bent(name, shape))


@pytest.mark.slow
@pytest.mark.parametrize("shape", [*BENT, None])
def test_every_tensor_in_every_shape(shape, header, bent):
    for name in header:
        if name.endswith((".weight", ".bias", "pos_embed")) and shape != header[name]["shape"]:
            said(bent(name, shape))


def test_the_sentence_says_what_was_found_and_expected(bent):
    name = "model.diffusion_model.x_embedder.proj.weight"
    sentence = "bent.safetensors: x_embedder.proj.weight is [64, 64]; prep expects 4 dimensions, none of them 0."
    assert said(bent(name, [64, 64])).startswith(sentence)
    name = "model.diffusion_model.joint_blocks.1.x_block.mlp.fc2.weight"
    assert "joint_blocks.1.x_block.mlp.fc2.weight is [128, 5]; prep expects [128, 512]" in said(bent(name, [128, 5]))


def test_a_folders_config_without_sizes_is_refused(tmp_path):
    tiny.transformer().save_pretrained(tmp_path / "own" / "transformer")
    path = tmp_path / "own" / "transformer" / "config.json"
    config = json.loads(path.read_text())
    for key, value in (("pos_embed_max_size", "x"), ("num_layers", -1), ("dual_attention_layers", 3)):
        path.write_text(json.dumps({**config, key: value}))
        with pytest.raises(WeightsError, match=f"{key} in its config.json is"):
            check("own", {"model": tmp_path / "own"}, SD35Options())


def test_the_sizes_of_the_vae_are_read_from_its_tensors(model):
    config = vae_config(describe(model).parts["vae"])
    assert config["block_out_channels"] == [8, 8, 16, 16] and config["latent_channels"] == 4
