"""What came instead of weights is told by its first bytes, and another model by the names of its tensors."""

import io
import json
import pickle
import struct
import zipfile

import pytest
import torch

from prep.errors import WeightsError
from prep.generators.sd35.look import look as look_at_sd35
from prep.generators.sd35.options import SD35Options
from prep.options import TaggerOptions
from prep.taggers.look import look as look_at_tagger
from tests.support import tiny
from tests.support.reference import save


def zipped() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("readme.txt", "hello")
    return data.getvalue()


def saved(legacy: bool) -> bytes:
    data = io.BytesIO()
    torch.save({"state_dict": {"a": torch.zeros(2)}}, data, _use_new_zipfile_serialization=not legacy)
    return data.getvalue()


def too_long() -> bytes:
    """A checkpoint whose directory says that its first part goes on beyond the end of the file."""
    data = bytearray(saved(legacy=False))
    at = data.index(b"PK\1\2")
    struct.pack_into("<II", data, at + 20, 1 << 20, 1 << 20)
    return bytes(data)


# (bytes, what a tagger's reader says, what a generator's reader says)
FILES = {
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 644000000\n",
            "a Git LFS pointer.*`git lfs pull`", "a Git LFS pointer.*`git lfs pull`"),
    "page": (b"\n<!DOCTYPE html><html><title>401</title>", "a web page.*[Ll]og in", "a web page.*[Ll]og in"),
    "xml": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a web page", "a web page"),
    "text": (b"Invalid username or password.", "text, which begins with 'Invalid user", "text, which begins with"),
    "json": (b'{"error": "gated"}', "text, which begins with", "text, which begins with"),
    "empty": (b"", "is empty. Fetch the file again", "is empty"),
    "zeros": (bytes(4096), "full of zeros: an unfinished download", "full of zeros: an unfinished download"),
    "gguf": (b"GGUF\3\0\0\0" + bytes(100), "a GGUF file.*safetensors", "a GGUF file.*safetensors"),
    "keras": (b"\x89HDF\r\n\x1a\n" + bytes(100), "Keras model.*TorchDeepDanbooru release", "Keras model"),
    "onnx": (b"\x08\x07\x12\x07pytorch" + bytes(100), "an ONNX model", "an ONNX model"),
    "zip": (zipped(), "a zip archive. Unpack it", "a zip archive"),
    "gzip": (b"\x1f\x8b\x08" + bytes(100), "packed with gzip", "packed with gzip"),
    "pickle": (pickle.dumps({"a": 1}), "a pickle, which can run any program", "a pickle.*[Gg]et the .safetensors"),
    "old torch": (saved(legacy=True), "a pickle, which can run any program", "a pickle.*[Gg]et the .safetensors"),
    "torch": (saved(legacy=False), "a PyTorch checkpoint of another model: it has no n_Conv_0.weight",
              "a PyTorch checkpoint, and not a safetensors file.*prep models convert"),
    "bent torch": (too_long(), "is cut off or damaged", "PyTorch checkpoint"),
    "cut torch": (saved(legacy=False)[:-200], r"is cut off or damaged \([0-9,]+ bytes are", "PyTorch checkpoint"),
}  # fmt: skip


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
@pytest.mark.parametrize("kind", FILES)
def test_what_came_instead_of_weights_is_told_whatever_it_is_called(kind, ending, tmp_path):
    path, (data, tagger, generator) = tmp_path / f"file{ending}", FILES[kind]
    path.write_bytes(data)
    for says, look in (
        (tagger, lambda: look_at_tagger("file", {"model": path}, TaggerOptions())),
        (generator, lambda: look_at_sd35("file", {"model": path}, SD35Options())),
    ):
        with pytest.raises(WeightsError, match=f"file{ending}.*{says}") as caught:
            look()
        assert "torch.load" not in str(caught.value) and "weights_only" not in str(caught.value)


# Names of tensors as the published files have them -> what is said.
MODELS = {
    "conditioner.embedders.0.transformer.text_model.embeddings.position_ids": "SDXL",
    "cond_stage_model.transformer.text_model.embeddings.position_ids": "Stable Diffusion 1.5",
    "cond_stage_model.model.transformer.resblocks.0.ln_1.bias": "Stable Diffusion 2",
    "model.diffusion_model.input_blocks.0.0.weight": "Stable Diffusion 1.5 or SDXL",
    "down_blocks.0.attentions.0.norm.weight": "Stable Diffusion 1.5 or SDXL",
    "double_blocks.0.img_attn.qkv.weight": "FLUX",
    "model.diffusion_model.double_blocks.0.img_attn.qkv.weight": "FLUX",
    "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight": "a LoRA",
    "transformer.transformer_blocks.0.attn.to_q.lora_A.weight": "a LoRA",
    "transformer_blocks.0.attn.add_q_proj.weight": "the transformer of a diffusers folder by itself",
    "control_model.input_blocks.0.0.weight": "a ControlNet",
}


@pytest.mark.parametrize("name", MODELS)
def test_another_model_is_named(name, tmp_path):
    """Also where it brings a VAE along that is called as SD3's."""
    vae = {"first_stage_model.decoder.conv_in.weight": torch.zeros(4, 4, 3, 3)}
    for more in ({}, vae):
        path = save({name: torch.zeros(2, 2), **more}, tmp_path / "other.safetensors")
        with pytest.raises(WeightsError, match=f"other.safetensors is {MODELS[name]}.*, and not a part of SD3.5"):
            look_at_sd35("file", {"model": path}, SD35Options())
        with pytest.raises(WeightsError, match=f"is {MODELS[name]}.*, and not a tagger"):
            look_at_tagger("file", {"model": path}, TaggerOptions())


def test_a_part_by_itself_leads_to_what_is_whole(tmp_path):
    whole = tmp_path / "sd35"
    (whole / "transformer").mkdir(parents=True)
    (whole / "vae").mkdir()
    (whole / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusion3Pipeline"}))
    (whole / "vae" / "config.json").write_text(json.dumps({"_class_name": "AutoencoderKL"}))
    part = whole / "transformer" / "diffusion_pytorch_model.safetensors"
    save({"transformer_blocks.0.attn.add_q_proj.weight": torch.zeros(2)}, part)
    for path, says in (
        (part, f"the transformer of a diffusers folder by itself.*[Nn]ame the whole folder: {whole}"),
        (whole / "vae", f"is of AutoencoderKL, not of an SD3 transformer. Name the whole folder: {whole}"),
    ):
        with pytest.raises(WeightsError, match=says):
            look_at_sd35("file", {"model": path}, SD35Options())
    (whole / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    with pytest.raises(WeightsError, match="is a folder of FluxPipeline. Prep draws only with SD3.5"):
        look_at_sd35("file", {"model": whole}, SD35Options())


def test_parts_alone_say_which_setting_takes_them(tmp_path):
    clip = {"text_model.embeddings.token_embedding.weight": torch.zeros(5, 768)}
    vae = {"decoder.conv_in.weight": torch.zeros(8, 4, 3, 3)}
    for tensors, part in ((clip, "clip_l"), (vae, "vae"), ({"shared.weight": torch.zeros(5, 4)}, "t5")):
        path = save(tensors, tmp_path / "part.safetensors")
        with pytest.raises(WeightsError, match=f"holds no transformer, but {part}.*may be `generator.sd35.{part}`"):
            look_at_sd35("file", {"model": path}, SD35Options())


def test_a_vae_or_a_t5_of_another_model_does_not_fit(tmp_path):
    model = tiny.tiny_model(tmp_path)
    vae = save({"decoder.conv_in.weight": torch.zeros(8, 16, 3, 3)}, tmp_path / "vae.safetensors")
    t5 = save({"shared.weight": torch.zeros(5, 512)}, tmp_path / "t5.safetensors")
    for part, path, says in (
        ("vae", vae, "16 channels, but .* needs 4"),
        ("t5", t5, "512 numbers per token, but .* needs 192"),
    ):
        with pytest.raises(WeightsError, match=says):
            look_at_sd35("file", {"model": model, part: path}, SD35Options())


def test_scales_of_16_bit_say_which_layouts_are_read(tmp_path):
    tensors = {
        "model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight": torch.zeros(4, 4, dtype=torch.bfloat16),
        "model.diffusion_model.joint_blocks.0.x_block.attn.qkv.scale_weight": torch.tensor(1.0),
    }
    with pytest.raises(WeightsError, match="scales a weight in BF16. Prep reads plain FP8, scaled FP8"):
        look_at_sd35("file", {"model": save(tensors, tmp_path / "own.safetensors")}, SD35Options())


def test_the_older_sd3_medium_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("prep.generators.sd35.family.SD3_LAYERS", 3)  # as the tiny model has
    from tests.support.reference import tiny_tensors

    tensors = {key: value for key, value in tiny_tensors().items() if ".ln_" not in key}
    with pytest.raises(WeightsError, match="own.safetensors is SD3 medium, the model before SD3.5"):
        look_at_sd35("file", {"model": save(tensors, tmp_path / "own.safetensors")}, SD35Options())


def test_torchs_advice_to_run_what_a_checkpoint_holds_is_not_passed_on(tmp_path):
    from prep.taggers._checkpoint import read_checkpoint

    torch.save({"n_Conv_0.weight": torch.zeros(2), "tags": {1, 2}, "more": print}, tmp_path / "m.pt")
    with pytest.raises(
        WeightsError, match="holds more than tensors and tags.*prep does not open it|Prep does not"
    ) as caught:
        read_checkpoint(tmp_path / "m.pt")
    assert "trust" not in str(caught.value) and "load" not in str(caught.value)
