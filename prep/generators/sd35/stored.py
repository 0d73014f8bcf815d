"""How parts of SD3.5 are stored, from their headers: what a plan for a card's memory needs before anything is read."""

import math
from pathlib import Path

from prep.errors import WeightsError
from prep.generators.sd35.folder import FOLDERS, open_folder
from prep.generators.sd35.header import describe
from prep.tensors.layout import Part


def t5_bytes(source: Path, own: Path | None) -> int:
    """What T5 takes in 16 bit; 0 where it is stored in FP8. Reads headers only. Raises WeightsError."""
    path = own or source
    part = open_folder(path, FOLDERS["t5"])[1] if path.is_dir() else describe(path).parts["t5"]
    if any(stored.eight_bit for stored in part.tensors.values()):
        return 0
    return 2 * sum(math.prod(stored.entry.shape) for stored in part.tensors.values())


def vae_stored_as(path: Path) -> str:
    """The dtype of its weights, as safetensors calls it. path: as for load_vae. Raises WeightsError."""
    part = open_folder(path, "vae")[1] if path.is_dir() else vae_part(path)
    return part.tensors["decoder.conv_in.weight"].entry.dtype


def vae_part(path: Path) -> Part:
    """The VAE in a file. Raises WeightsError when it has none."""
    parts = describe(path).parts
    if "vae" not in parts:
        held = ", ".join(parts)
        raise WeightsError(f"{path.name} holds no VAE, but {held}", hint="set `generator.sd35.vae` to another file")
    return parts["vae"]
