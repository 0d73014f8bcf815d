import json
import struct

import pytest
import torch

from prep.errors import WeightsError
from prep.generators.sd35.header import describe
from tests.sd35.make_checkpoint import COMMON, PREFIX, SIZES, original_shapes
from tests.support import reference
from tests.support.reference import LAYOUTS, entry, headed, hollow, save, scaled

FC1 = PREFIX + "joint_blocks.1.x_block.mlp.fc1"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_told_by_its_header(layout, tmp_path):
    checkpoint = describe(reference.tiny_file(tmp_path, layout))
    assert checkpoint.parts["transformer"].layout == layout
    assert {key: checkpoint.config[key] for key in COMMON | SIZES["tiny"]} == {**COMMON, **SIZES["tiny"]}
    assert checkpoint.model == "other"


@pytest.mark.parametrize(("dtype", "layout"), [(torch.float16, "fp16"), (torch.float32, "fp32")])
def test_fp16_and_fp32_are_told_apart_with_or_without_prefix(dtype, layout, tmp_path):
    for prefix in ("", PREFIX):
        path = save(reference.tiny_tensors(prefix, dtype), tmp_path / "own.safetensors")
        assert describe(path).parts["transformer"].layout == layout


@pytest.mark.parametrize(("size", "model"), [("large", "sd35-large"), ("medium", "sd35-medium")])
def test_the_published_sizes_are_known_by_their_shapes(size, model, tmp_path):
    config = {**COMMON, **SIZES[size]}
    with torch.device("meta"):  # medium's positions alone would take ten seconds
        shapes = original_shapes(config)
    path = hollow(tmp_path / f"{size}.safetensors", shapes)
    checkpoint = describe(path)
    assert checkpoint.model == model
    assert {key: checkpoint.config[key] for key in config} == config
    assert checkpoint.parts["transformer"].bytes == path.stat().st_size - header_bytes(path)
    assert ("large-turbo (their keys are the same)" in checkpoint.sentence) == (size == "large")


def test_a_model_without_query_norms_is_no_sd35(tmp_path):
    tensors = {key: value for key, value in reference.tiny_tensors().items() if ".ln_" not in key}
    assert describe(save(tensors, tmp_path / "own.safetensors")).config["qk_norm"] is None


def test_parts_are_told_one_by_one(tmp_path):
    tensors = scaled(reference.tiny_tensors(), "scale_weight") | {
        "first_stage_model.decoder.conv_in.weight": torch.zeros(8, 4, 3, 3, dtype=torch.float16),
        "text_encoders.clip_l.transformer.text_model.embeddings.token_embedding.weight": torch.zeros(5, 4),
        "text_encoders.clip_l.transformer.text_model.embeddings.position_ids": torch.zeros(1, 3, dtype=torch.int64),
        "text_encoders.t5xxl.transformer.shared.weight": torch.zeros(5, 4).to(torch.float8_e4m3fn),
    }
    parts = describe(save(tensors, tmp_path / "own.safetensors")).parts
    found = {name: part.layout for name, part in parts.items()}
    assert found == {"transformer": "fp8-scaled", "vae": "fp16", "clip_l": "fp32", "t5": "fp8"}


@pytest.mark.parametrize(("width", "name"), [(768, "clip_l"), (1280, "clip_g"), (64, "clip")])
def test_an_encoder_of_its_own_is_told_by_its_width(width, name, tmp_path):
    tensors = {"text_model.embeddings.token_embedding.weight": torch.zeros(5, width)}
    assert list(describe(save(tensors, tmp_path / "own.safetensors")).parts) == [name]


def changed(change) -> dict:
    tensors = scaled(reference.tiny_tensors(), "weight_scale", "input_scale")
    change(tensors)
    return tensors


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop(f"{FC1}.weight"), "is a scale without a weight"),
        (lambda t: t.pop(f"{FC1}.weight_scale"), "FP8 and lacks its scale"),
        (lambda t: t.update({f"{FC1}.weight": t[f"{FC1}.weight"].to(torch.float16)}), "scales a weight in F16"),
        (lambda t: t.update({f"{FC1}.weight": t[f"{FC1}.weight"].to(torch.int8)}), "scales a weight in I8"),
        (
            lambda t: t.update({f"{FC1}.weight_scale": torch.ones(16, 8)}),
            r"is F32 \[16, 8\]; prep reads one number, or one per row",
        ),
        (lambda t: t.update({f"{FC1}.scale_weight": torch.tensor(1.0)}), "in both spellings"),
        (lambda t: t.update({f"{FC1}.comfy_quant": note("nvfp4")}), "says 'nvfp4'|says nvfp4"),
        (lambda t: t.update({f"{FC1}.comfy_quant": torch.zeros(3)}), "comfy_quant says"),
    ],
)
def test_scales_that_would_be_ignored_are_refused(change, says, tmp_path):
    with pytest.raises(WeightsError, match=says):
        describe(save(changed(change), tmp_path / "own.safetensors"))


def test_a_scale_that_is_no_scale_is_refused(tmp_path):
    from prep.generators.sd35.load import load_transformer

    for wrong in (0.0, -1.0, torch.inf, torch.nan):
        tensors = changed(lambda t, wrong=wrong: t.update({f"{FC1}.weight_scale": torch.tensor(wrong)}))
        with pytest.raises(WeightsError, match="not a positive number"):
            load_transformer(save(tensors, tmp_path / "own.safetensors"))


@pytest.mark.parametrize("metadata", ["{", "[]", '{"layers": 3}', '{"layers": {"a.b": {"format": "nvfp4"}}}'])
def test_metadata_that_is_not_understood_is_refused(metadata, tmp_path):
    path = save(reference.tiny_tensors(), tmp_path / "own.safetensors", {"_quantization_metadata": metadata})
    with pytest.raises(WeightsError, match="not readable|is in nvfp4"):
        describe(path)


def test_fp8_that_the_metadata_or_the_marker_calls_scaled_is_refused_without_scales(tmp_path):
    tensors = {key: value.to(torch.float8_e4m3fn) for key, value in reference.tiny_tensors().items()}
    layers = json.dumps({"layers": {FC1: {"format": "float8_e4m3fn"}}})
    with pytest.raises(WeightsError, match="mlp.fc1, which has no scale"):
        describe(save(tensors, tmp_path / "own.safetensors", {"_quantization_metadata": layers}))
    marker = {PREFIX + "scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn)}
    with pytest.raises(WeightsError, match="lacks its scale"):
        describe(save(tensors | marker, tmp_path / "own.safetensors"))


def test_whole_numbers_are_no_weights(tmp_path):
    tensors = reference.tiny_tensors() | {f"{FC1}.weight": torch.zeros(512, 128, dtype=torch.int8)}
    with pytest.raises(WeightsError, match="fc1.weight is int8"):
        describe(save(tensors, tmp_path / "own.safetensors"))


def test_a_file_of_something_else_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="contains no part of SD3.5 that prep knows; it begins with lora_unet"):
        describe(save({"lora_unet.weight": torch.zeros(2)}, tmp_path / "own.safetensors"))
    with pytest.raises(WeightsError, match="begins with nothing"):
        describe(save({}, tmp_path / "empty.safetensors"))


@pytest.mark.parametrize("kept", [0, 5, 100, 5_000, -1])
def test_a_file_that_was_cut_off_is_refused(kept, tmp_path):
    path = reference.tiny_file(tmp_path, "fp8")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(WeightsError, match="cut off|not a safetensors file"):
        describe(path)


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 a zip or a pickle, not a header",
        struct.pack("<Q", 2**62) + b"{}",
        headed(b"[1, 2]"),
        headed(b"\xff\xfe{}"),
        headed(b"[" * 100_000),
        headed({"__metadata__": 3}),
        headed({"a": entry([])}, b"1234"),
        headed({"a": 3}),
        headed({"a": {"dtype": "F32"}}),
        headed({"a": entry("F4")}, b"1234"),
        headed({"a": entry(shape=(-1,))}, b"1234"),
        headed({"a": entry(shape=(True,))}, b"1234"),
        headed({"a": entry(shape=(10**30,))}, b"1234"),
        headed({"a": entry(shape=(2,))}, b"1234"),
        headed({"a": entry(), "b": entry(offsets=(2, 6))}, b"123456"),
        headed({"a": entry(), "b": entry(offsets=(8, 12))}, b"123456789012"),
        headed({"a": entry()}, b"12345"),
    ],
)
def test_an_absurd_header_is_refused_in_a_sentence(content, tmp_path):
    (tmp_path / "absurd.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match="absurd.safetensors"):
        describe(tmp_path / "absurd.safetensors")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        describe(tmp_path / "none.safetensors")


def note(form: str) -> torch.Tensor:
    return torch.tensor(list(json.dumps({"format": form}).encode()), dtype=torch.uint8)


def header_bytes(path) -> int:
    with path.open("rb") as file:
        return 8 + int.from_bytes(file.read(8), "little")
