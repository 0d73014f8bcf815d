"""What a loaded model must equal, made without prep: tensors dequantised here, converted by diffusers itself."""

import json
import struct
from pathlib import Path

import torch
from diffusers import SD3Transformer2DModel
from diffusers.loaders.single_file_utils import convert_sd3_transformer_checkpoint_to_diffusers
from safetensors.torch import save_file

from tests.sd35.make_checkpoint import COMMON, PREFIX, SIZES, original_shapes, values, write

LAYOUTS = ("bf16", "fp8", "fp8-scaled", "fp8-scaled2")
DTYPES = {
    "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
}  # fmt: skip
NO_WEIGHTS = ("scale_weight", "weight_scale", "scale_input", "input_scale", "comfy_quant", "scaled_fp8")


def tiny_file(folder: Path, layout: str, size: str = "tiny") -> Path:
    path = folder / f"{size}-{layout}.safetensors"
    write(path, size, layout, seed=1)
    return path


def tiny_tensors(prefix: str = PREFIX, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """The tiny model as a single file has it, to be written in a layout of a test's own."""
    shapes = original_shapes({**COMMON, **SIZES["tiny"]})
    return {
        prefix + key: torch.from_numpy(values(key, torch.Size(shape).numel(), 1).copy()).reshape(shape).to(dtype)
        for key, shape in shapes.items()
    }


def lively_tensors(prefix: str = PREFIX, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """The same, with matrices of deviation 1/sqrt(in): their blocks matter as much as a trained model's."""
    tensors = tiny_tensors(prefix)
    for key, value in tensors.items():
        if value.dim() == 2 and key.endswith("weight"):
            value.mul_(value.shape[1] ** -0.5 / value.std())
    return {key: value.to(dtype) for key, value in tensors.items()}


def scaled(tensors: dict, weight_scale: str, input_scale: str | None = None, by_rows: bool = False) -> dict:
    """Every matrix in FP8 with its scale, spelt as asked."""
    out = {}
    for key, value in tensors.items():
        layer = key.removesuffix(".weight")
        if value.dim() != 2 or layer == key:
            out[key] = value
            continue
        largest = value.float().abs().amax(1) if by_rows else value.float().abs().max()
        scale = largest / 448
        out[key] = (value.float() / (scale[:, None] if by_rows else scale)).to(torch.float8_e4m3fn)
        out[f"{layer}.{weight_scale}"] = scale
        if input_scale:
            out[f"{layer}.{input_scale}"] = torch.tensor(3.0)
    return out


def save(tensors: dict, path: Path, metadata: dict | None = None) -> Path:
    save_file({key: value.contiguous() for key, value in tensors.items()}, path, metadata)
    return path


def stored_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a safetensors file, also those behind an odd number of bytes."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    out = {}
    for key, entry in header.items():
        if entry.get("dtype") in DTYPES and len(set(entry["data_offsets"])) == 2:
            start, stop = (8 + length + offset for offset in entry["data_offsets"])
            out[key] = torch.frombuffer(bytearray(data[start:stop]), dtype=DTYPES[entry["dtype"]])
            out[key] = out[key].reshape(entry["shape"])
    return out


def dequantised(path: Path) -> dict[str, torch.Tensor]:
    """float32, scales multiplied in and gone."""
    stored = stored_tensors(path)
    out = {}
    for key, value in stored.items():
        layer, _, last = key.rpartition(".")
        if last in NO_WEIGHTS or key in NO_WEIGHTS:
            continue
        out[key] = value.float()
        for spelling in ("scale_weight", "weight_scale"):
            if last == "weight" and f"{layer}.{spelling}" in stored:
                scale = stored[f"{layer}.{spelling}"].float()
                out[key] = out[key] * (scale.reshape(-1, 1) if scale.numel() > 1 else scale.reshape(()))
    return out


def reference_model(path: Path, size: str = "tiny") -> SD3Transformer2DModel:
    """float32, from a single file in any layout."""
    tensors = dequantised(path)
    if any(key.startswith(PREFIX) for key in tensors):
        tensors = {key: value for key, value in tensors.items() if key.startswith(PREFIX)}
    model = SD3Transformer2DModel(**{**COMMON, **SIZES[size]})
    model.load_state_dict(convert_sd3_transformer_checkpoint_to_diffusers(tensors), strict=True)
    return model.eval().requires_grad_(False)


def inputs(model: SD3Transformer2DModel, batch: int = 2, side: int = 16) -> dict:
    """Latents [batch, 16, side, side], 7 tokens, two timesteps of which one is no whole number."""
    numbers = torch.Generator().manual_seed(5)
    config = model.config
    return dict(
        hidden_states=torch.randn(batch, config.in_channels, side, side, generator=numbers),
        encoder_hidden_states=torch.randn(batch, 7, config.joint_attention_dim, generator=numbers),
        pooled_projections=torch.randn(batch, config.pooled_projection_dim, generator=numbers),
        timestep=torch.tensor([801.5, 3.0])[:batch],
    )


@torch.inference_mode()
def answer(model: SD3Transformer2DModel, given: dict) -> torch.Tensor:
    return model(**given, return_dict=False)[0]


def relative_error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return ((found.float() - wanted.float()).norm() / wanted.float().norm()).item()


def headed(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def entry(dtype="F32", shape=(1,), offsets=(0, 4)) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def hollow(path, shapes: dict):
    """A 16-bit file of that shape whose tensors are a hole: gigabytes that take no disk."""
    header, offset = {}, 0
    for key, shape in shapes.items():
        size = 2 * torch.Size(shape).numel()
        header[PREFIX + key] = entry("BF16", shape, (offset, offset + size))
        offset += size
    path.write_bytes(headed(header))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + offset)
    return path
