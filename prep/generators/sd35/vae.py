"""SD3.5's autoencoder: from the single file, from a file of its own, or from a diffusers folder.

A latent is 8 x 8 pixels and has 16 channels; latents are (encoded - shift) · scaling. The VAE stays in 16 bit or
float32: 84 million parameters are not worth FP8.
"""

from pathlib import Path

import torch
from diffusers import AutoencoderKL

from prep.errors import WeightsError
from prep.generators.sd35.folder import open_folder
from prep.generators.sd35.names import diffusers_name
from prep.generators.sd35.sizes import vae_config
from prep.generators.sd35.stored import vae_part
from prep.tensors.fill import Piece, check_weights, fill


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


def _from_file(path: Path) -> tuple[dict, dict[str, Piece]]:
    part = vae_part(path)
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
