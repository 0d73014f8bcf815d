"""Writes a small SD3 as the published single files are: their names, their layout of scaled FP8, all parts in one."""

import json
import re
from pathlib import Path

import torch
from diffusers import SD3Transformer2DModel
from safetensors.torch import save_file
from torch import Tensor

from prep.generators.sd35.header import PARTS
from prep.generators.sd35.names import INSIDE, layers, norms
from prep.tensors.fp8 import quantise_rows


def write_single_file(path: Path, transformer, vae, clips: dict, sampling: dict, eight: bool = True) -> None:
    """clips: clip_l and clip_g. sampling: what generators/sd35/family.py reads. eight: its linears in FP8,
    scaled by rows; everything else is bfloat16, the VAE float16."""
    tensors = {}
    for name, value in transformer_tensors(transformer, eight).items():
        tensors[PARTS["transformer"][0] + name] = value
    for name, value in vae.state_dict().items():
        tensors[PARTS["vae"][0] + ldm_name(name, len(vae.config.block_out_channels))] = value.half()
    for part, clip in clips.items():
        for name, value in clip.state_dict().items():
            if not name.endswith("position_ids"):
                tensors[PARTS[part][0] + name] = value.bfloat16()
    tensors = {name: value.detach().contiguous() for name, value in tensors.items()}
    save_file(tensors, path, {"format": "pt", "prep.sampling": json.dumps(sampling)})
    path.chmod(0o644)  # safetensors makes files that only their owner can read


def transformer_tensors(model: SD3Transformer2DModel, eight: bool) -> dict[str, Tensor]:
    """The tensors under SD3's own names: qkv as one, and each final shift before its scale."""
    state, found = model.state_dict(), {}
    for ours, theirs, rows in layers(dict(model.config)):
        for kind in ("weight", "bias"):
            if f"{ours}.{kind}" not in state:
                continue
            value = state[f"{ours}.{kind}"]
            if len(rows.parts) > 1:  # swapped; to swap again is to undo it
                value = torch.cat(value.chunk(rows.of)[::-1])
            found.setdefault(f"{theirs}.{kind}", {})[rows.parts[0] if rows.of == 3 else 0] = value
    plain = {name: torch.cat([parts[at] for at in sorted(parts)]) for name, parts in found.items()}
    plain |= {f"{theirs}.weight": state[f"{ours}.weight"] for ours, theirs in norms(dict(model.config))}
    tensors = {"pos_embed": state["pos_embed.pos_embed"].bfloat16()}
    for name, value in plain.items():
        if eight and name.endswith(".weight") and value.ndim == 2:
            layer = name.removesuffix(".weight")
            tensors[name], tensors[f"{layer}.scale_weight"] = quantise_rows(value)
        else:
            tensors[name] = value.bfloat16()
    if eight:
        tensors["scaled_fp8"] = torch.zeros(2, dtype=torch.float8_e4m3fn)
    return tensors


def ldm_name(key: str, levels: int) -> str:
    """`decoder.up_blocks.0.resnets.0.` -> `decoder.up.3.block.0.`: what generators/sd35/vae.py undoes."""
    for theirs, ours in INSIDE.items():
        key = key.replace(f".{ours}", f".{theirs}")

    def level(found: re.Match) -> str:
        index = int(found[2]) if found[1] == "down" else levels - 1 - int(found[2])
        return f".{found[1]}.{index}."

    return re.sub(r"\.(down|up)_blocks\.(\d+)\.", level, key).replace(".resnets.", ".block.")
