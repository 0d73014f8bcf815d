"""SD3.5's transformer from a single file in any layout, or from a diffusers folder.

Built on the meta device, filled from the file: FP8 weights are mapped from the file, so that 8.2 GB load in seconds.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from diffusers import SD3Transformer2DModel

from prep.errors import WeightsError
from prep.generators.sd35.folder import open_folder
from prep.generators.sd35.header import describe
from prep.generators.sd35.names import layers, norms
from prep.tensors.fill import Piece, Quantise, check_weights, fill
from prep.tensors.rows import ALL

MOST_STD = 5.0  # its weights have about 0.02; those of an FP8 file without scales have 100
KINDS = ("weight", "bias")
NOTHING = nullcontext()


def load_transformer(
    path: Path, dtype: torch.dtype = torch.bfloat16, quantise: Quantise = "stored"
) -> SD3Transformer2DModel:
    """path: a safetensors file, or a diffusers folder (with or without transformer/ in it). Frozen, in eval mode.

    quantise: `stored` as in the file, `all` linears in FP8, `blocks` (modulation and embedders in dtype), `none`.
    Raises WeightsError: a layout that would be read wrongly, a tensor missing or left over, absurd weights.
    """
    config, pieces = transformer_pieces(path)
    try:
        with torch.device("meta"):
            model = SD3Transformer2DModel.from_config(config)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise WeightsError(f"{path.name}: its config.json does not fit a transformer: {error}") from error
    fill(model, pieces, dtype, quantise, path.name)
    check_weights(model, path.name, MOST_STD)
    return model


def transformer_pieces(path: Path) -> tuple[dict, dict[str, Piece]]:
    """(config, tensor of SD3Transformer2DModel -> where it comes from). Reads headers only."""
    if path.is_dir():
        config, part = open_folder(path, "transformer")
        return config, {name: Piece(stored) for name, stored in part.tensors.items()}
    checkpoint = describe(path)
    if checkpoint.config is None:
        raise WeightsError(f"{path.name} holds no transformer", hint=f"it has {', '.join(checkpoint.parts)}")
    part, config = checkpoint.parts["transformer"], checkpoint.config
    found = dict(part.tensors)
    pieces, used = {}, set()
    names = [(f"{ours}.{kind}", f"{theirs}.{kind}", rows) for ours, theirs, rows in layers(config) for kind in KINDS]
    names += [(f"{ours}.weight", f"{theirs}.weight", ALL) for ours, theirs in norms(config)]
    for ours, theirs, rows in [*names, ("pos_embed.pos_embed", "pos_embed", ALL)]:
        if theirs in found:
            pieces[ours] = Piece(found[theirs], rows)
            used.add(theirs)
    if extra := sorted(found.keys() - used):
        raise WeightsError(f"{path.name} also holds {extra[0]}, which SD3's transformer does not have")
    return config, pieces


@torch.inference_mode()
def check_transformer(
    model: SD3Transformer2DModel,
    device: torch.device | str = "cpu",
    on_the_device: AbstractContextManager = NOTHING,
    prepare: Callable[..., None] | None = None,
) -> None:
    """on_the_device: within it, the transformer computes on the device. prepare: of its adaLN cache.

    Raises WeightsError when a small forward (latents of 8 px, 4 tokens) is not finite.
    """
    config, dtype = model.config, model.pos_embed.proj.weight.dtype
    numbers = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=numbers).to(device, dtype)

    given = dict(
        hidden_states=noise(1, config.in_channels, 8, 8),
        encoder_hidden_states=noise(1, 4, config.joint_attention_dim),
        pooled_projections=noise(1, config.pooled_projection_dim),
        timestep=torch.tensor([500.0], device=device),
    )
    if prepare is not None:
        prepare(given["timestep"], given["pooled_projections"])
    with on_the_device:
        whole = model(**given, return_dict=False)[0].isfinite().all()
    if not whole:
        raise WeightsError("the transformer's first output is not finite", hint="its file is damaged")
