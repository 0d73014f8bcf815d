"""Made-up weights for all parts of SD3.5 in one file, laid out as the published one of SD3.5-large (14.9 GB).

Transformer and T5 are in scaled FP8, VAE and CLIPs in float16. Three tokenizers of a dozen words lie beside it.

Tensors are made on the device and written one by one: the machine's memory holds one at a time.
"""

import json
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, T5Config, T5EncoderModel

from prep.generators.sd35.family import SAMPLING
from prep.generators.sd35.header import PARTS
from prep.tensors.fp8 import LARGEST
from starter_training.single_file import ldm_name
from tests.sd35.make_checkpoint import COMMON, SIZES, original_shapes
from tests.support.tiny import tokenizer

Entries = dict[str, tuple[torch.dtype, tuple[int, ...]]]  # key -> (dtype, shape)

NAMES = {torch.float8_e4m3fn: "F8_E4M3", torch.float16: "F16", torch.float32: "F32"}
SPREAD = 0.02  # standard deviation of matrices and biases
SCALE = 6 * SPREAD / LARGEST  # of every FP8 matrix: six deviations are the largest number of FP8
CLIP_TOKENS, T5_TOKENS = 77, 512
WIDTHS: dict[str, dict[str, Any]] = {
    "large": {
        "vae": dict(block_out_channels=(128, 256, 512, 512), layers_per_block=2),
        "clip_l": dict(hidden_size=768, num_hidden_layers=12, vocab_size=49408),
        "clip_g": dict(hidden_size=1280, num_hidden_layers=32, vocab_size=49408),
        "t5": dict(d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64, vocab_size=32128),
    },
    "tiny": {
        "vae": dict(block_out_channels=(8, 8, 16, 16), layers_per_block=1),
        "clip_l": dict(hidden_size=32, num_hidden_layers=2, vocab_size=512),
        "clip_g": dict(hidden_size=32, num_hidden_layers=2, vocab_size=512),
        "t5": dict(d_model=64, d_kv=32, d_ff=96, num_layers=2, num_heads=2, vocab_size=512),
    },
}
# What a file says of itself when its shapes are not published ones.
TINY_SAMPLING = {"steps": 4, "guidance": 4.5, "shift": 3.0, "resolution": 64, "step": 16}


def weights(folder: Path, size: str, device: str) -> Path:
    """The file in that folder, which is written when it is not there yet."""
    path = folder / f"sd35-{size}.safetensors"
    if not path.exists():
        write_tokenizers(folder)
        part = path.with_suffix(".part")
        write_weights(part, size, device)
        part.rename(path)
    return path


def write_weights(path: Path, size: str, device: str) -> None:
    entries = entries_of(size)
    text = header(entries, {} if size == "large" else {SAMPLING: json.dumps(TINY_SAMPLING)})
    with path.open("wb", buffering=1 << 24) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for key, (dtype, shape) in entries.items():
            value = values(key, dtype, shape, device).cpu().reshape(-1)
            file.write(value.view(torch.uint8).numpy())


def header(entries: Entries, metadata: dict[str, str]) -> bytes:
    """safetensors: JSON, padded to 8 bytes; offsets count from its end."""
    found: dict[str, Any] = {"__metadata__": metadata}
    at = 0
    for key, (dtype, shape) in entries.items():
        end = at + math.prod(shape) * dtype.itemsize
        found[key] = {"dtype": NAMES[dtype], "shape": shape, "data_offsets": (at, end)}
        at = end
    text = json.dumps(found).encode()
    return text + b" " * (-len(text) % 8)


def values(key: str, dtype: torch.dtype, shape: tuple[int, ...], device: str) -> Tensor:
    """Norms change nothing; everything else is normal numbers, which follow from the key."""
    layer, kind = key.split(".")[-2:]
    if kind == "scale_weight":
        return torch.tensor(SCALE)
    if "norm" in layer or layer.startswith("ln_"):
        return torch.full(shape, float(kind == "weight"), dtype=dtype)
    numbers = torch.Generator(device).manual_seed(zlib.crc32(key.encode()))
    made = torch.randn(shape, generator=numbers, device=device) * SPREAD
    if dtype == torch.float8_e4m3fn:
        made = (made / SCALE).clamp(-LARGEST, LARGEST)
    return made.to(dtype)


def entries_of(size: str) -> Entries:
    """All tensors, in the file's order."""
    widths = WIDTHS[size]
    config = {**COMMON, **SIZES[size]}
    return {
        **scaled(PARTS["transformer"][0], original_shapes(config)),
        **halves(PARTS["vae"][0], vae_shapes(config["in_channels"], **widths["vae"])),
        **halves(PARTS["clip_l"][0], clip_shapes(**widths["clip_l"])),
        **halves(PARTS["clip_g"][0], clip_shapes(**widths["clip_g"])),
        **scaled(PARTS["t5"][0], t5_shapes(**widths["t5"])),
    }


def halves(prefix: str, shapes: dict[str, tuple[int, ...]]) -> Entries:
    return {prefix + key: (torch.float16, shape) for key, shape in shapes.items()}


def scaled(prefix: str, shapes: dict[str, tuple[int, ...]]) -> Entries:
    """Linears in FP8, each with its scale; embeddings and everything else in float16."""
    entries: Entries = {f"{prefix}scaled_fp8": (torch.float8_e4m3fn, (0,))}  # the mark of this layout
    for key, shape in shapes.items():
        layer, _, kind = key.rpartition(".")
        if kind != "weight" or len(shape) != 2 or layer == "shared" or layer.endswith("relative_attention_bias"):
            entries[prefix + key] = (torch.float16, shape)
            continue
        entries[prefix + key] = (torch.float8_e4m3fn, shape)
        entries[f"{prefix}{layer}.scale_weight"] = (torch.float32, ())
    return entries


def vae_shapes(channels: int, block_out_channels: tuple[int, ...], layers_per_block: int) -> dict[str, tuple[int, ...]]:
    """Under the names of the published file, where attention is made of 1 x 1 convolutions."""
    levels = len(block_out_channels)
    with torch.device("meta"):
        vae = AutoencoderKL(
            latent_channels=channels, block_out_channels=block_out_channels, layers_per_block=layers_per_block,
            norm_num_groups=block_out_channels[0] // 4, down_block_types=["DownEncoderBlock2D"] * levels,
            up_block_types=["UpDecoderBlock2D"] * levels, use_quant_conv=False, use_post_quant_conv=False,
        )  # fmt: skip
    shapes = {ldm_name(key, levels): shape for key, shape in shapes_of(vae).items()}
    return {key: (*shape, 1, 1) if "attn" in key and len(shape) == 2 else shape for key, shape in shapes.items()}


def clip_shapes(hidden_size: int, **config: int) -> dict[str, tuple[int, ...]]:
    given = CLIPTextConfig(
        hidden_size=hidden_size, intermediate_size=4 * hidden_size, projection_dim=hidden_size,
        num_attention_heads=max(1, hidden_size // 64), max_position_embeddings=CLIP_TOKENS,
        bos_token_id=0, pad_token_id=1, eos_token_id=2, **config,
    )  # fmt: skip
    with torch.device("meta"):
        return shapes_of(CLIPTextModelWithProjection(given))


def t5_shapes(**config: int) -> dict[str, tuple[int, ...]]:
    given = T5Config(feed_forward_proj="gated-gelu", tie_word_embeddings=False, **config)
    with torch.device("meta"):
        shapes = shapes_of(T5EncoderModel(given))
    del shapes["encoder.embed_tokens.weight"]  # the file holds it once, as `shared`
    return shapes


def shapes_of(model: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


def write_tokenizers(folder: Path) -> None:
    for name, tokens in (("tokenizer", CLIP_TOKENS), ("tokenizer_2", CLIP_TOKENS), ("tokenizer_3", T5_TOKENS)):
        made = tokenizer()
        made.model_max_length = tokens
        made.save_pretrained(folder / name)
