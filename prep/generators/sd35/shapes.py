"""Which tensors each part of an SD3.5 has, and their shapes, by its sizes. No torch.

Names are those of diffusers and transformers; tests/generators/sd35/test_shapes.py compares all with their networks.
"""

from collections.abc import Iterator

Shapes = dict[str, tuple[int, ...]]
TIME_WIDTH = 256  # of the embedded timestep
# Layer -> (rows, columns) in widths of the transformer; all other layers of a block are width x width.
WIDTHS = {
    "norm1.linear": (6, 1),
    "norm1_context.linear": (6, 1),
    "ff.net.0.proj": (4, 1),
    "ff.net.2": (1, 4),
    "ff_context.net.0.proj": (4, 1),
    "ff_context.net.2": (1, 4),
}
DUAL = 9  # rows of norm1 in a block with dual attention
LAST = 2  # rows of norm1_context in the last block


def layer_shape(layer: str, config: dict) -> tuple[int, ...]:
    """The weight of one of the transformer's layers. config: of SD3Transformer2DModel, with every size."""
    width = config["num_attention_heads"] * config["attention_head_dim"]
    patch = config["patch_size"]
    outside = {
        "pos_embed.proj": (width, config["in_channels"], patch, patch),
        "context_embedder": (width, config["joint_attention_dim"]),
        "time_text_embed.timestep_embedder.linear_1": (width, TIME_WIDTH),
        "time_text_embed.text_embedder.linear_1": (width, config["pooled_projection_dim"]),
        "norm_out.linear": (2 * width, width),
        "proj_out": (patch**2 * config["out_channels"], width),
    }
    if layer in outside:
        return outside[layer]
    *_, index, own = ("", "", layer) if not layer.startswith("transformer_blocks.") else layer.split(".", 2)
    rows, columns = WIDTHS.get(own, (1, 1))
    if own == "norm1.linear" and int(index) in config["dual_attention_layers"]:
        rows = DUAL
    if own == "norm1_context.linear" and int(index) == config["num_layers"] - 1:
        rows = LAST
    return rows * width, columns * width


def positions_shape(config: dict) -> tuple[int, ...]:
    return 1, config["pos_embed_max_size"] ** 2, config["num_attention_heads"] * config["attention_head_dim"]


def clip_shapes(sizes: dict) -> Shapes:
    """sizes: fields of CLIPTextConfig."""
    width, inner = sizes["hidden_size"], sizes["intermediate_size"]
    shapes: Shapes = {
        "text_model.embeddings.token_embedding.weight": (sizes["vocab_size"], width),
        "text_model.embeddings.position_embedding.weight": (sizes["max_position_embeddings"], width),
        **_norm("text_model.final_layer_norm", width),
        "text_projection.weight": (sizes["projection_dim"], width),
    }
    for index in range(sizes["num_hidden_layers"]):
        above = f"text_model.encoder.layers.{index}."
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= _layer(f"{above}self_attn.{part}", width, width)
        shapes |= _layer(f"{above}mlp.fc1", inner, width) | _layer(f"{above}mlp.fc2", width, inner)
        shapes |= _norm(f"{above}layer_norm1", width) | _norm(f"{above}layer_norm2", width)
    return shapes


def t5_shapes(sizes: dict) -> Shapes:
    """sizes: fields of T5Config."""
    width, heads, inner = sizes["d_model"], sizes["num_heads"] * sizes["d_kv"], sizes["d_ff"]
    shapes: Shapes = {
        "shared.weight": (sizes["vocab_size"], width),
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": (
            sizes["relative_attention_num_buckets"],
            sizes["num_heads"],
        ),
        "encoder.final_layer_norm.weight": (width,),
    }
    for index in range(sizes["num_layers"]):
        above = f"encoder.block.{index}.layer."
        for part in "qkv":
            shapes[f"{above}0.SelfAttention.{part}.weight"] = (heads, width)
        shapes[f"{above}0.SelfAttention.o.weight"] = (width, heads)
        for part in ("wi_0", "wi_1"):
            shapes[f"{above}1.DenseReluDense.{part}.weight"] = (inner, width)
        shapes[f"{above}1.DenseReluDense.wo.weight"] = (width, inner)
        shapes |= {f"{above}{layer}.layer_norm.weight": (width,) for layer in (0, 1)}
    return shapes


def vae_shapes(config: dict) -> Shapes:
    """config: of AutoencoderKL."""
    widths, depth = config["block_out_channels"], config["layers_per_block"]
    latent, attends = config["latent_channels"], config["mid_block_add_attention"]
    shapes: Shapes = {}
    if config["use_quant_conv"]:
        shapes |= _layer("quant_conv", 2 * latent, 2 * latent, 1, 1)
    if config["use_post_quant_conv"]:
        shapes |= _layer("post_quant_conv", latent, latent, 1, 1)
    for side, levels, convs, first, last in (
        ("encoder", widths, depth, config["in_channels"], 2 * latent),
        ("decoder", widths[::-1], depth + 1, latent, config["out_channels"]),
    ):
        blocks, sampler = ("down_blocks", "downsamplers") if side == "encoder" else ("up_blocks", "upsamplers")
        width = levels[0]
        shapes |= _layer(f"{side}.conv_in", width, first, 3, 3)
        for level, out in enumerate(levels):
            for index in range(convs):
                shapes |= _residual(f"{side}.{blocks}.{level}.resnets.{index}", width, out)
                width = out
            if level < len(levels) - 1:
                shapes |= _layer(f"{side}.{blocks}.{level}.{sampler}.0.conv", width, width, 3, 3)
        shapes |= _norm(f"{side}.conv_norm_out", width) | _layer(f"{side}.conv_out", last, width, 3, 3)
        shapes |= dict(_middle(f"{side}.mid_block", widths[-1], attends))
    return shapes


def _middle(name: str, width: int, attends: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
    for index in (0, 1):
        yield from _residual(f"{name}.resnets.{index}", width, width).items()
    if attends:
        yield from _norm(f"{name}.attentions.0.group_norm", width).items()
        for part in ("to_q", "to_k", "to_v", "to_out.0"):
            yield from _layer(f"{name}.attentions.0.{part}", width, width).items()


def _residual(name: str, before: int, after: int) -> Shapes:
    shapes = _norm(f"{name}.norm1", before) | _layer(f"{name}.conv1", after, before, 3, 3)
    shapes |= _norm(f"{name}.norm2", after) | _layer(f"{name}.conv2", after, after, 3, 3)
    return shapes if before == after else shapes | _layer(f"{name}.conv_shortcut", after, before, 1, 1)


def _layer(name: str, *shape: int) -> Shapes:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
