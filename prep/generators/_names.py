"""SD3's transformer: its layers in the single files and in diffusers, and which rows each takes.

diffusers splits qkv into three, and of every final modulation (norm_out, and the last block's context) it wants the
scale before the shift, where the files have the shift first.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Rows:
    """Which rows of a stored tensor a layer takes: these of its `of` equal parts, in this order."""

    parts: tuple[int, ...] = (0,)
    of: int = 1

    def spans(self, height: int) -> list[tuple[int, int]]:
        """(start, stop) of each part of so many rows."""
        part_height = height // self.of
        return [(part * part_height, (part + 1) * part_height) for part in self.parts]

    def of_tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        """tensor: [rows, ...]. One part is a view; more are a copy. A scale that all rows share ([1, 1]) stays."""
        if self.of == 1 or len(tensor) == 1:
            return tensor
        return joined([tensor[start:stop] for start, stop in self.spans(len(tensor))])


def joined(parts: list[torch.Tensor]) -> torch.Tensor:
    """One part as it is; more in a row, as bytes: float8 has no cat of its own everywhere."""
    if len(parts) == 1:
        return parts[0]
    return torch.cat([part.view(torch.uint8) for part in parts]).view(parts[0].dtype)


ALL = Rows()
THIRDS = tuple(Rows((part,), 3) for part in range(3))
SWAPPED = Rows((1, 0), 2)

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


def layers(config: dict) -> Iterator[tuple[str, str, Rows]]:
    """Yield (layer in diffusers, layer in the single file, rows): each has a weight and a bias."""
    yield from OUTSIDE
    for index in range(config["num_layers"]):
        last = index == config["num_layers"] - 1
        for ours, theirs, rows in _block(last, dual=index in config["dual_attention_layers"]):
            yield f"transformer_blocks.{index}.{ours}", f"joint_blocks.{index}.{theirs}", rows


def norms(config: dict) -> Iterator[tuple[str, str]]:
    """Yield (norm in diffusers, norm in the single file) of queries and keys: each has a weight alone."""
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
