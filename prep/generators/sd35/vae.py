"""SD3.5's autoencoder: from the single file, from a file of its own, or from a diffusers folder.

A latent is 8 x 8 pixels and has 16 channels; latents are (encoded - shift) · scaling. The VAE stays in 16 bit or
float32: 84 million parameters are not worth FP8.
"""

import re
from pathlib import Path

import torch
from diffusers import AutoencoderKL

from prep.errors import WeightsError
from prep.generators.sd35.folder import open_folder
from prep.generators.sd35.header import describe
from prep.tensors.fill import Piece, check_weights, fill
from prep.tensors.layout import Part

# As in the published vae/config.json of SD3 and SD3.5; the rest follows from the shapes.
SCALING, SHIFT = 1.5305, 0.0609
INSIDE = {
    "norm_out.": "conv_norm_out.",
    "mid.block_1.": "mid_block.resnets.0.",
    "mid.block_2.": "mid_block.resnets.1.",
    "mid.attn_1.norm.": "mid_block.attentions.0.group_norm.",
    "mid.attn_1.q.": "mid_block.attentions.0.to_q.",
    "mid.attn_1.k.": "mid_block.attentions.0.to_k.",
    "mid.attn_1.v.": "mid_block.attentions.0.to_v.",
    "mid.attn_1.proj_out.": "mid_block.attentions.0.to_out.0.",
    "downsample.": "downsamplers.0.",
    "upsample.": "upsamplers.0.",
    "nin_shortcut.": "conv_shortcut.",
}


def load_vae(path: Path, dtype: torch.dtype = torch.bfloat16) -> AutoencoderKL:
    """path: a safetensors file, or a diffusers folder (with or without vae/ in it). Frozen, in eval mode.

    Raises WeightsError: no VAE in it, a tensor missing or left over.
    """
    if path.is_dir():
        config, part = open_folder(path, "vae")
        pieces = {name: Piece(stored) for name, stored in part.tensors.items()}
    else:
        config, pieces = _from_file(path)
    try:
        with torch.device("meta"):
            model = AutoencoderKL.from_config(config)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise WeightsError(f"{path.name}: no VAE has this shape: {error}") from error
    fill(model, pieces, dtype, "none", path.name)
    check_weights(model, path.name)
    return model


def vae_stored_as(path: Path) -> str:
    """The dtype of its weights, as safetensors calls it. path: as for load_vae. Raises WeightsError."""
    part = open_folder(path, "vae")[1] if path.is_dir() else _part_of(path)
    return part.tensors["decoder.conv_in.weight"].entry.dtype


def _part_of(path: Path) -> Part:
    parts = describe(path).parts
    if "vae" not in parts:
        held = ", ".join(parts)
        raise WeightsError(f"{path.name} holds no VAE, but {held}", hint="set `generator.sd35.vae` to another file")
    return parts["vae"]


def _from_file(path: Path) -> tuple[dict, dict[str, Piece]]:
    part = _part_of(path)
    if any(".down_blocks." in key for key in part.tensors):
        raise WeightsError(f"{path.name} has diffusers' tensor names", hint="name its folder, with the config.json")
    config = vae_config(part)
    levels = len(config["block_out_channels"])
    pieces = {}
    for key, stored in part.tensors.items():
        shape = stored.entry.shape
        flat = shape[:2] if ".mid.attn_1." in key and len(shape) == 4 else None
        pieces[diffusers_name(key, levels)] = Piece(stored, shape=flat)
    return config, pieces


def diffusers_name(key: str, levels: int) -> str:
    """`decoder.up.3.block.0.` -> `decoder.up_blocks.0.resnets.0.`: the up blocks are counted from the other end."""

    def level(found: re.Match) -> str:
        index = int(found[2]) if found[1] == "down" else levels - 1 - int(found[2])
        return f".{found[1]}_blocks.{index}."

    key = re.sub(r"\.(down|up)\.(\d+)\.", level, key)
    key = re.sub(r"\.block\.(\d+)\.", r".resnets.\1.", key)
    for theirs, ours in INSIDE.items():
        key = key.replace(f".{theirs}", f".{ours}")
    return key


def vae_config(part: Part) -> dict:
    """What AutoencoderKL is built from, out of the tensors' shapes. Raises WeightsError."""
    shape = {key: stored.entry.shape for key, stored in part.tensors.items()}
    levels = {int(found[1]) for key in shape if (found := re.match(r"encoder\.down\.(\d+)\.block", key))}
    blocks = {int(found[1]) for key in shape if (found := re.match(r"encoder\.down\.0\.block\.(\d+)", key))}
    try:
        widths = [shape[f"encoder.down.{level}.block.0.conv1.weight"][0] for level in sorted(levels)]
        return {
            "in_channels": shape["encoder.conv_in.weight"][1],
            "out_channels": shape["decoder.conv_out.weight"][0],
            "latent_channels": shape["decoder.conv_in.weight"][1],
            "block_out_channels": widths,
            "layers_per_block": len(blocks),
            "down_block_types": ["DownEncoderBlock2D"] * len(widths),
            "up_block_types": ["UpDecoderBlock2D"] * len(widths),
            "norm_num_groups": max(1, min(32, min(widths) // 4)),  # 4 channels a group, as published
            "mid_block_add_attention": "encoder.mid.attn_1.q.weight" in shape,
            "use_quant_conv": "quant_conv.weight" in shape,
            "use_post_quant_conv": "post_quant_conv.weight" in shape,
            "sample_size": 1024,
            "force_upcast": True,
            "scaling_factor": SCALING,
            "shift_factor": SHIFT,
        }
    except (KeyError, IndexError, TypeError) as error:
        raise WeightsError(f"the VAE is not SD3's: {error} is missing") from error
