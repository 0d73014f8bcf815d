"""Whether a run is long enough for torch.compile to pay, and compiling block by block."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import SD3Transformer2DModel

# 280 steps are ten pictures of SD3.5-large. Compiling takes about two minutes [estimate], and saves 36 % of a step: an
# H100 took 7.47 s instead of 11.6 s for 50 steps (published). At half an RTX 4090's peak, a step takes 1.5 s.
LEAST_STEPS = 280
GRAPHS = 64  # of one function; dynamo gives up beyond 8, and sizes, batches and both kinds of blocks each need theirs


def compile_blocks(model: "SD3Transformer2DModel") -> None:
    import torch._dynamo

    config = torch._dynamo.config
    name = "recompile_limit" if hasattr(config, "recompile_limit") else "cache_size_limit"
    setattr(config, name, max(GRAPHS, getattr(config, name)))
    for block in model.transformer_blocks:
        block.forward = torch.compile(block.forward)
