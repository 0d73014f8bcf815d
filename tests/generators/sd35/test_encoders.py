from types import SimpleNamespace

import pytest
import torch
from diffusers import AutoencoderKL
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, T5Config, T5EncoderModel

from prep.errors import WeightsError
from prep.generators.sd35.encoders import load_text_encoder
from prep.generators.sd35.header import describe
from prep.generators.sd35.load import load_transformer
from prep.generators.sd35.vae import load_vae
from prep.tensors.fp8 import FP8, Fp8Linear
from tests.support import reference
from tests.support.reference import relative_error, save, scaled

CLOSE = 1e-5
PREFIXES = {name: f"text_encoders.{name}.transformer." for name in ("clip_l", "clip_g", "t5xxl")}
IDS = torch.tensor([[0, 9, 7, 5, 40, 1, 1, 1], [0, 3, 40, 1, 1, 1, 1, 1]])


def load_text_encoders(source=None, dtype=torch.bfloat16, quantise="stored", **own) -> SimpleNamespace:
    """All three; own: of those that have files of their own."""
    names = ("clip_l", "clip_g", "t5")
    return SimpleNamespace(**{name: load_text_encoder(name, source, dtype, own.get(name), quantise) for name in names})


def clip(activation: str, width: int, seed: int) -> CLIPTextModelWithProjection:
    torch.manual_seed(seed)
    config = CLIPTextConfig(
        vocab_size=41, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=3, projection_dim=width,
        num_attention_heads=width // 64, max_position_embeddings=8, hidden_act=activation,
        bos_token_id=0, pad_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return lively(CLIPTextModelWithProjection(config))


def t5(seed: int = 3) -> T5EncoderModel:
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=41, d_model=64, d_kv=16, d_ff=96, num_layers=3, num_heads=4, feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
    )  # fmt: skip
    return lively(T5EncoderModel(config))


def lively(model):
    with torch.no_grad():
        for value in model.parameters():
            value.normal_(1.0, 0.1) if value.dim() == 1 else value.normal_(0, value.shape[-1] ** -0.5)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def models():
    return {"clip_l": clip("quick_gelu", 64, 1), "clip_g": clip("gelu", 128, 2), "t5xxl": t5()}


def tensors_of(model, prefix: str = "", layout: str = "fp16") -> dict[str, torch.Tensor]:
    state = {prefix + key: value for key, value in model.state_dict().items()}
    linears = [key for key, value in state.items() if value.dim() == 2 and not is_embedding(key)]
    if layout == "fp8":
        return {key: value.to(torch.float8_e4m3fn) for key, value in state.items()}
    rest = {key: value.half() for key, value in state.items() if key not in linears}
    if layout == "fp16":
        return {key: value.half() for key, value in state.items()}
    marker = {prefix + "scaled_fp8": torch.zeros(0, dtype=torch.float8_e4m3fn)}
    return rest | marker | scaled({key: state[key] for key in linears}, "scale_weight", "scale_input")


def is_embedding(key: str) -> bool:
    return any(word in key for word in ("embed", "shared", "relative"))


def single_file(folder, models, layout: str, with_t5: bool = True, transformer: bool = True):
    held = {name: model for name, model in models.items() if with_t5 or name != "t5xxl"}
    tensors = {}
    for name, model in held.items():
        tensors |= tensors_of(model, PREFIXES[name], layout)
        tensors[f"text_encoders.{name}.logit_scale"] = torch.tensor(4.6)
    # What the published files carry along, and SD3 does not read.
    tensors[PREFIXES["clip_l"] + "text_model.embeddings.position_ids"] = torch.arange(8)[None]
    if transformer:
        tensors |= scaled(reference.lively_tensors(), "scale_weight")
        tensors |= {f"first_stage_model.{key}": value.half() for key, value in ldm_vae(vae()).items()}
    return save(tensors, folder / f"all-{layout}.safetensors")


def with_weights_of(model, path, prefix: str):
    """A copy of the model with the file's dequantised weights, in float32."""
    state = {key.removeprefix(prefix): value for key, value in reference.dequantised(path).items()
             if key.startswith(prefix)}  # fmt: skip
    state = {key: value for key, value in state.items() if key in model.state_dict()}
    copy = type(model)(model.config).eval()
    copy.load_state_dict(state, strict=True)
    return copy


@torch.inference_mode()
def same(found, wanted, name: str) -> None:
    """Compare what the pipeline takes: CLIP's last hidden state but one and its pooled token; T5's last."""
    a, b = found(IDS, output_hidden_states=True), wanted(IDS, output_hidden_states=True)
    if name == "t5xxl":
        assert relative_error(a[0], b[0]) < CLOSE
        return
    assert relative_error(a.hidden_states[-2], b.hidden_states[-2]) < CLOSE
    pooled = b.text_embeds if name == "clip_g" else wanted.text_model(IDS).pooler_output
    assert relative_error(a[0], pooled) < CLOSE


@pytest.mark.parametrize("layout", ["fp16", "fp8", "fp8-scaled"])
def test_one_file_holds_all_parts_and_each_answers_as_dequantised(layout, models, tmp_path):
    path = single_file(tmp_path, models, layout)
    assert set(describe(path).parts) == {"transformer", "vae", "clip_l", "clip_g", "t5"}
    found = load_text_encoders(path, torch.float32)
    for name, encoder in zip(models, (found.clip_l, found.clip_g, found.t5), strict=True):
        same(encoder, with_weights_of(models[name], path, PREFIXES[name]), name)
        eight = [value for value in encoder.state_dict().values() if value.dtype in FP8]
        assert bool(eight) == (layout != "fp16")
    model, wanted = load_transformer(path, torch.float32), reference.reference_model(path)
    given = reference.inputs(wanted)
    assert relative_error(reference.answer(model, given), reference.answer(wanted, given)) < CLOSE


@pytest.mark.parametrize("layout", ["fp16", "fp8", "fp8-scaled"])
def test_each_encoder_from_a_file_of_its_own(layout, models, tmp_path):
    paths = {name: save(tensors_of(model, "", layout), tmp_path / f"{name}.safetensors")
             for name, model in models.items()}  # fmt: skip
    found = load_text_encoders(dtype=torch.float32, clip_l=paths["clip_l"], clip_g=paths["clip_g"], t5=paths["t5xxl"])
    for name, encoder in zip(models, (found.clip_l, found.clip_g, found.t5), strict=True):
        same(encoder, with_weights_of(models[name], paths[name], ""), name)


def test_a_diffusers_folder_with_and_without_t5(models, tmp_path):
    for name, folder in (("clip_l", "text_encoder"), ("clip_g", "text_encoder_2"), ("t5xxl", "text_encoder_3")):
        models[name].save_pretrained(tmp_path / folder)
    found = load_text_encoders(tmp_path, torch.float32)
    with torch.inference_mode():  # a folder's CLIP-L has the projection that its config asks for
        assert torch.equal(found.clip_l(IDS).text_embeds, models["clip_l"](IDS).text_embeds)
    same(found.clip_g, models["clip_g"], "clip_g")
    same(found.t5, models["t5xxl"], "t5xxl")


def test_a_file_without_t5_gives_none_and_one_without_clip_is_refused(models, tmp_path):
    path = single_file(tmp_path, models, "fp16", with_t5=False, transformer=False)
    assert load_text_encoders(path).t5 is None
    own = save(tensors_of(models["t5xxl"]), tmp_path / "t5.safetensors")
    assert load_text_encoders(path, t5=own).t5 is not None
    with pytest.raises(WeightsError, match="holds no clip_l. SD3.5 cannot draw without it"):
        load_text_encoders(own)
    with pytest.raises(WeightsError, match="holds no clip_g, but t5"):
        load_text_encoders(path, clip_g=own)


@pytest.mark.parametrize("layout", ["fp8", "fp8-scaled"])
def test_t5_in_half_precision_computes_wo_in_float32(layout, models, tmp_path):
    path = save(tensors_of(models["t5xxl"], "", layout), tmp_path / "t5.safetensors")
    single = single_file(tmp_path, models, "fp16", with_t5=False, transformer=False)
    found = load_text_encoders(single, torch.float16, t5=path).t5
    wo = found.encoder.block[0].layer[1].DenseReluDense.wo
    assert isinstance(wo, Fp8Linear) and wo.compute == torch.float32
    wanted = with_weights_of(models["t5xxl"], path, "")
    with torch.inference_mode():
        assert relative_error(found(IDS)[0], wanted(IDS)[0]) < 0.01
    assert found.encoder.embed_tokens is found.shared and found.dtype == torch.float16


def test_t5_of_16_bits_may_be_quantised_by_rows(models, tmp_path):
    single = single_file(tmp_path, models, "fp16", transformer=False)
    found = load_text_encoders(single, torch.bfloat16, quantise="all").t5
    name = "encoder.block.2.layer.0.SelfAttention.k"
    eight, wanted = found.get_submodule(name), models["t5xxl"].get_submodule(name).weight
    assert isinstance(eight, Fp8Linear) and relative_error(eight.dense(torch.float32), wanted) < 0.03
    assert found.shared.weight.dtype == torch.bfloat16
    with torch.inference_mode():
        assert found(IDS)[0].isfinite().all()


def vae(channels: tuple[int, ...] = (32, 64, 64)) -> AutoencoderKL:
    torch.manual_seed(4)
    levels = len(channels)
    return AutoencoderKL(
        block_out_channels=channels, norm_num_groups=channels[0] // 4, layers_per_block=2, latent_channels=16,
        use_quant_conv=False, use_post_quant_conv=False, down_block_types=["DownEncoderBlock2D"] * levels,
        up_block_types=["UpDecoderBlock2D"] * levels, scaling_factor=1.5305, shift_factor=0.0609,
    ).eval()  # fmt: skip


def ldm_vae(model: AutoencoderKL) -> dict[str, torch.Tensor]:
    """The model as a single file has it: every key of the original layout, found by diffusers' own conversion."""
    levels = len(model.config.block_out_channels)
    names = original_vae_names(levels)
    numbers = {name: torch.tensor(float(place)) for place, name in enumerate(names)}
    shaped = {name: value.reshape(1) for name, value in numbers.items()}
    converted = convert_ldm_vae_checkpoint(dict(shaped), model.config)
    state = model.state_dict()
    assert converted.keys() == state.keys()
    out = {}
    for ours, place in converted.items():
        name, value = names[int(place)], state[ours]
        out[name] = value[:, :, None, None] if ".attn_1." in name and value.dim() == 2 else value
    return out


def original_vae_names(levels: int) -> list[str]:
    resnet = ("norm1", "conv1", "norm2", "conv2")
    layers = []
    for side, way, count in (("encoder", "down", 2), ("decoder", "up", 3)):
        layers += [f"{side}.conv_in", f"{side}.conv_out", f"{side}.norm_out"]
        layers += [f"{side}.mid.block_{number}.{part}" for number in (1, 2) for part in resnet]
        layers += [f"{side}.mid.attn_1.{part}" for part in ("norm", "q", "k", "v", "proj_out")]
        for level in range(levels):
            layers += [f"{side}.{way}.{level}.block.{number}.{part}" for number in range(count) for part in resnet]
    layers += [f"encoder.down.{level}.downsample.conv" for level in range(levels - 1)]
    layers += [f"decoder.up.{level}.upsample.conv" for level in range(1, levels)]
    # The widths (32, 64, 64) change between the first two levels alone.
    layers += ["encoder.down.1.block.0.nin_shortcut", "decoder.up.0.block.0.nin_shortcut"]
    return [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]


@pytest.mark.parametrize("prefix", ["", "first_stage_model."])
def test_the_vae_of_a_file_is_diffusers_own_to_the_bit(prefix, tmp_path):
    wanted = vae()
    path = save({prefix + key: value for key, value in ldm_vae(wanted).items()}, tmp_path / "vae.safetensors")
    found = load_vae(path, torch.float32)
    assert (found.config.scaling_factor, found.config.shift_factor) == (1.5305, 0.0609)
    image = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        latents = wanted.encode(image).latent_dist.mode()
        assert torch.equal(found.encode(image).latent_dist.mode(), latents)
        assert torch.equal(found.decode(latents).sample, wanted.decode(latents).sample)


def test_the_vae_of_a_folder_and_a_file_without_one(models, tmp_path):
    wanted = vae()
    wanted.save_pretrained(tmp_path / "vae")
    assert torch.equal(load_vae(tmp_path, torch.float32).decoder.conv_in.weight, wanted.decoder.conv_in.weight)
    with pytest.raises(WeightsError, match="Name its folder"):
        load_vae(tmp_path / "vae" / "diffusion_pytorch_model.safetensors")
    path = single_file(tmp_path, models, "fp16", transformer=False)
    with pytest.raises(WeightsError, match="holds no VAE, but clip_l, clip_g, t5"):
        load_vae(path)
