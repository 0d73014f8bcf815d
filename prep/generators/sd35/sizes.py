"""The sizes of each part of an SD3.5, from the shapes of its tensors, and whether all its tensors fit them. No torch.

The sizes are named as in the configs of diffusers and transformers.
"""

import math
import re
from typing import Any

from prep.errors import WeightsError
from prep.generators.sd35.names import diffusers_name, layers, norms
from prep.generators.sd35.shapes import Shapes, clip_shapes, layer_shape, positions_shape, t5_shapes, vae_shapes
from prep.tensors.layout import Part

# As in the published vae/config.json of SD3 and SD3.5; the rest follows from the shapes.
SCALING, SHIFT = 1.5305, 0.0609
CLIP_HEAD = 64
NUMBER = r"(\d{1,4})"  # of a block
QUERY_NORM = "joint_blocks.0.x_block.attn.ln_q.weight"
# What SD3Transformer2DModel takes for a size that a config.json does not have.
DEFAULTS = {
    "patch_size": 2, "in_channels": 16, "num_layers": 18, "attention_head_dim": 64, "num_attention_heads": 18,
    "joint_attention_dim": 4096, "caption_projection_dim": 1152, "pooled_projection_dim": 2048, "out_channels": 16,
    "pos_embed_max_size": 96, "dual_attention_layers": (), "qk_norm": None,
}  # fmt: skip
VAE_DEFAULTS = {
    "in_channels": 3, "out_channels": 3, "latent_channels": 4, "layers_per_block": 1, "block_out_channels": (64,),
    "mid_block_add_attention": True, "use_quant_conv": True, "use_post_quant_conv": True,
}  # fmt: skip
MOST = 1 << 20  # of any size


def transformer_config(part: Part) -> dict:
    """The config of SD3Transformer2DModel. Raises WeightsError."""
    width, channels, patch, _ = part.shape("x_embedder.proj.weight", 4)
    blocks = _numbers(part, rf"joint_blocks\.{NUMBER}\.")
    normed = QUERY_NORM in part.tensors
    (head,) = part.shape(QUERY_NORM, 1) if normed else (CLIP_HEAD,)
    _, positions, _ = part.shape("pos_embed", 3)
    side = math.isqrt(positions)
    if blocks != set(range(len(blocks))) or width % head or side**2 != positions:
        raise WeightsError(f"{part.file} is not an SD3 transformer: its blocks, heads or positions do not add up")
    caption, joint = part.shape("context_embedder.weight", 2)
    return {
        "sample_size": min(128, side),  # 1024 px; no tensor's shape depends on it
        "patch_size": patch,
        "in_channels": channels,
        "out_channels": part.shape("final_layer.linear.weight", 2)[0] // patch**2,
        "num_layers": len(blocks),
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": joint,
        "caption_projection_dim": caption,
        "pooled_projection_dim": part.shape("y_embedder.mlp.0.weight", 2)[1],
        "pos_embed_max_size": side,
        "dual_attention_layers": sorted(_numbers(part, rf"joint_blocks\.{NUMBER}\.x_block\.attn2\.qkv\.weight$")),
        "qk_norm": "rms_norm" if normed else None,
    }


def whole_config(config: dict, of: str) -> dict:
    """A config.json of SD3Transformer2DModel with every size that it leaves to diffusers. Raises WeightsError for one
    that is no size.
    """
    whole = {**DEFAULTS, **{key: value for key, value in config.items() if value is not None}}
    for key, default in DEFAULTS.items():
        if type(default) is int and not (type(whole[key]) is int and 0 < whole[key] <= MOST):
            raise WeightsError(
                f"{of}: {key} in its config.json is {str(whole[key])[:40]!r}; prep expects a whole number from 1 to "
                f"{MOST:,}"
            )
    layers = whole["dual_attention_layers"]
    if not isinstance(layers, list | tuple) or not all(type(each) is int for each in layers):
        raise WeightsError(f"{of}: dual_attention_layers in its config.json is not a list of whole numbers")
    return whole


def check_transformer(part: Part, config: dict, original: bool) -> None:
    """original: tensors are named as in the single files, not as in diffusers. Raises WeightsError."""
    wanted: Shapes = {"pos_embed" if original else "pos_embed.pos_embed": positions_shape(config)}
    for ours, theirs, rows in layers(config):
        high, *rest = layer_shape(ours, config)
        high = high * rows.of // len(rows.parts) if original else high
        name = theirs if original else ours
        wanted |= {f"{name}.weight": (high, *rest), f"{name}.bias": (high,)}
    for ours, theirs in norms(config):
        wanted[f"{theirs if original else ours}.weight"] = (config["attention_head_dim"],)
    part.check_shapes(wanted)


def vae_config(part: Part) -> dict[str, Any]:
    """What AutoencoderKL is built from. part: of a single file. Raises WeightsError."""
    levels = _numbers(part, rf"encoder\.down\.{NUMBER}\.block")
    widths = [part.shape(f"encoder.down.{level}.block.0.conv1.weight", 4)[0] for level in sorted(levels)]
    groups = max(1, min(32, min(widths, default=1) // 4))  # 4 channels a group, as published
    if not widths or any(width % groups for width in widths):
        raise WeightsError(f"{part.file}: its vae is not SD3's: the widths of its levels are {widths[:8]}")
    return {
        "in_channels": part.shape("encoder.conv_in.weight", 4)[1],
        "out_channels": part.shape("decoder.conv_out.weight", 4)[0],
        "latent_channels": part.shape("decoder.conv_in.weight", 4)[1],
        "block_out_channels": widths,
        "layers_per_block": len(_numbers(part, rf"encoder\.down\.0\.block\.{NUMBER}")),
        "down_block_types": ["DownEncoderBlock2D"] * len(widths),
        "up_block_types": ["UpDecoderBlock2D"] * len(widths),
        "norm_num_groups": groups,
        "mid_block_add_attention": "encoder.mid.attn_1.q.weight" in part.tensors,
        "use_quant_conv": "quant_conv.weight" in part.tensors,
        "use_post_quant_conv": "post_quant_conv.weight" in part.tensors,
        "sample_size": 1024,
        "force_upcast": True,
        "scaling_factor": SCALING,
        "shift_factor": SHIFT,
    }


def check_vae(part: Part, config: dict | None) -> None:
    """config: the config.json of a diffusers folder; None: a single file. Raises WeightsError."""
    if config is not None:
        part.check_shapes(vae_shapes(_whole_vae(config, part.file)))
        return
    config = vae_config(part)
    wanted = vae_shapes(config)
    levels = len(config["block_out_channels"])
    original: Shapes = {}
    for key, stored in part.tensors.items():  # all tensors that it has, and the others under diffusers' names
        shape = wanted.pop(diffusers_name(key, levels), None)
        if shape is not None:
            square = ".mid.attn_1." in key and stored.entry.shape == (*shape, 1, 1)  # a 1x1 convolution, or a linear
            original[key] = stored.entry.shape if square else shape
    part.check_shapes(original | wanted)


def _whole_vae(config: dict, of: str) -> dict:
    """A config.json of AutoencoderKL with the sizes that it leaves to diffusers. Raises WeightsError for wrong ones."""
    whole = {**VAE_DEFAULTS, **{key: value for key, value in config.items() if value is not None}}
    widths = whole["block_out_channels"]
    sizes = [*widths] if isinstance(widths, list | tuple) and 0 < len(widths) < 16 else [None]
    sizes += [whole[key] for key, default in VAE_DEFAULTS.items() if type(default) is int]
    if not all(type(size) is int and 0 < size <= MOST for size in sizes):
        raise WeightsError(f"{of}: the sizes in the config.json beside it are not whole numbers from 1 to {MOST:,}")
    return whole


def clip_sizes(part: Part) -> dict[str, int]:
    """Fields of CLIPTextConfig. Raises WeightsError."""
    vocabulary, width = part.shape("text_model.embeddings.token_embedding.weight", 2)
    heads = max(1, width // CLIP_HEAD)
    if width % heads:
        raise WeightsError(f"{part.file}: its {part.name} is not SD3's: it is {width} wide, which {heads} heads share")
    projected = "text_projection.weight" in part.tensors
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": part.shape("text_model.encoder.layers.0.mlp.fc1.weight", 2)[0],
        "num_hidden_layers": len(_numbers(part, rf"text_model\.encoder\.layers\.{NUMBER}\.")),
        "num_attention_heads": heads,
        "max_position_embeddings": part.shape("text_model.embeddings.position_embedding.weight", 2)[0],
        "projection_dim": part.shape("text_projection.weight", 2)[0] if projected else width,
    }


def check_clip(part: Part, bare: bool) -> None:
    """bare: its projection is not used. Raises WeightsError."""
    wanted = clip_shapes(clip_sizes(part))
    if bare and "text_projection.weight" not in part.tensors:
        del wanted["text_projection.weight"]
    part.check_shapes(wanted)


def t5_sizes(part: Part) -> dict[str, int]:
    """Fields of T5Config. Raises WeightsError."""
    first = "encoder.block.0.layer."
    vocabulary, width = part.shape("shared.weight", 2)
    buckets, heads = part.shape(f"{first}0.SelfAttention.relative_attention_bias.weight", 2)
    inner, _ = part.shape(f"{first}0.SelfAttention.q.weight", 2)
    if inner % heads:
        raise WeightsError(
            f"{part.file}: its t5 is not SD3's: its attention is {inner} wide, which {heads} heads share"
        )
    return {
        "vocab_size": vocabulary,
        "d_model": width,
        "d_kv": inner // heads,
        "d_ff": part.shape(f"{first}1.DenseReluDense.wi_0.weight", 2)[0],
        "num_layers": len(_numbers(part, rf"encoder\.block\.{NUMBER}\.")),
        "num_heads": heads,
        "relative_attention_num_buckets": buckets,
    }


def check_t5(part: Part) -> None:
    """Raises WeightsError."""
    sizes = t5_sizes(part)
    wanted = t5_shapes(sizes)
    if "encoder.embed_tokens.weight" in part.tensors:  # the same matrix as `shared`
        wanted["encoder.embed_tokens.weight"] = wanted["shared.weight"]
    part.check_shapes(wanted)


def _numbers(part: Part, pattern: str) -> set[int]:
    """The numbers in the names that begin like this."""
    return {int(found[1]) for key in part.tensors if (found := re.match(pattern, key))}
