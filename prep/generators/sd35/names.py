"""SD3's transformer and VAE: their layers in the single files and in diffusers, and which rows each takes.

diffusers splits qkv into three. In every final modulation (norm_out, and the last block's context) it has the scale
before the shift; the files have the shift first.
"""

import re
from collections.abc import Iterator

from prep.tensors.rows import ALL, SWAPPED, THIRDS, Rows

OUTSIDE = (
    ("pos_embed.proj", "x_embedder.proj", ALL),
    ("context_embedder", "context_embedder", ALL),
    ("time_text_embed.timestep_embedder.linear_1", "t_embedder.mlp.0", ALL),
    ("time_text_embed.timestep_embedder.linear_2", "t_embedder.mlp.2", ALL),
    ("time_text_embed.text_embedder.linear_1", "y_embedder.mlp.0", ALL),
    ("time_text_embed.text_embedder.linear_2", "y_embedder.mlp.2", ALL),
    ("norm_out.linear", "final_layer.adaLN_modulation.1", SWAPPED),
    ("proj_out", "final_layer.linear", ALL),
)
# Of the VAE: in the single files -> in diffusers.
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


def layers(config: dict) -> Iterator[tuple[str, str, Rows]]:
    """Yield (layer in diffusers, layer in the single file, rows): each has a weight and a bias."""
    yield from OUTSIDE
    for index in range(config["num_layers"]):
        last = index == config["num_layers"] - 1
        for ours, theirs, rows in _block(last, dual=index in config["dual_attention_layers"]):
            yield f"transformer_blocks.{index}.{ours}", f"joint_blocks.{index}.{theirs}", rows


def norms(config: dict) -> Iterator[tuple[str, str]]:
    """Yield (norm in diffusers, norm in the single file) of queries and keys: each has only a weight."""
    if config["qk_norm"] is None:
        return
    for index in range(config["num_layers"]):
        for letter in "qk":
            ours, theirs = f"transformer_blocks.{index}.", f"joint_blocks.{index}."
            yield f"{ours}attn.norm_{letter}", f"{theirs}x_block.attn.ln_{letter}"
            yield f"{ours}attn.norm_added_{letter}", f"{theirs}context_block.attn.ln_{letter}"
            if index in config["dual_attention_layers"]:
                yield f"{ours}attn2.norm_{letter}", f"{theirs}x_block.attn2.ln_{letter}"


def _block(last: bool, dual: bool) -> Iterator[tuple[str, str, Rows]]:
    yield "norm1.linear", "x_block.adaLN_modulation.1", ALL
    yield "norm1_context.linear", "context_block.adaLN_modulation.1", SWAPPED if last else ALL
    for letter, rows in zip("qkv", THIRDS, strict=True):
        yield f"attn.to_{letter}", "x_block.attn.qkv", rows
        yield f"attn.add_{letter}_proj", "context_block.attn.qkv", rows
        if dual:
            yield f"attn2.to_{letter}", "x_block.attn2.qkv", rows
    yield "attn.to_out.0", "x_block.attn.proj", ALL
    yield "ff.net.0.proj", "x_block.mlp.fc1", ALL
    yield "ff.net.2", "x_block.mlp.fc2", ALL
    if dual:
        yield "attn2.to_out.0", "x_block.attn2.proj", ALL
    if not last:  # the last block's context ends with its attention
        yield "attn.to_add_out", "context_block.attn.proj", ALL
        yield "ff_context.net.0.proj", "context_block.mlp.fc1", ALL
        yield "ff_context.net.2", "context_block.mlp.fc2", ALL


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
