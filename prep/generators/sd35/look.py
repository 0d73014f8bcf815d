"""Whether an SD3.5 can be made from these files with these options, from headers only: before a run touches anything,
and again when it is made. No torch.
"""

from collections.abc import Mapping
from pathlib import Path

from prep.errors import SettingsError, WeightsError
from prep.generators.sd35.family import PATCH_PX, Transformer, read_transformer
from prep.generators.sd35.files import NAMES, Files, check_part
from prep.generators.sd35.header import describe
from prep.generators.sd35.options import PARTS, SD35Options


def check(name: str, files: Mapping[str, Path], options: SD35Options) -> None:
    """Like `look`; for files without the model itself, whether each contains its part. Raises SettingsError for a
    resolution that is too large for the model.
    """
    if "model" in files:
        _, transformer, _ = look(name, files, options)
        most = transformer.config["pos_embed_max_size"] * PATCH_PX
        if options.resolution > most:
            raise SettingsError(
                f"generator.resolution is {options.resolution}; {name} draws at most {most} px per side"
            )
        return
    for part, path in files.items():
        check_part(part, path)


def look(name: str, files: Mapping[str, Path], options: SD35Options) -> tuple[Files, Transformer, set[str]]:
    """-> (its files, what the header says of the transformer, the parts that are there).

    Raises WeightsError for an unreadable file, a missing part, or a part of another model.
    """
    own = Files(**{part: path for part, path in files.items() if part in ("model", *PARTS)})
    transformer = read_transformer(own.model, name)
    parts = own.check(options.with_t5 and transformer.family.published)
    _check_fit(own, transformer.config)
    return own, transformer, parts


def _check_fit(own: Files, config: dict) -> None:
    """Raises WeightsError for a VAE or a T5 of another model, which does not fit SD3's transformer."""
    for part, key, wanted in (
        ("vae", "decoder.conv_in.weight", config["in_channels"]),
        ("t5", "shared.weight", config["joint_attention_dim"]),
    ):
        path = getattr(own, part)
        if path is None or path.is_dir():
            continue
        shape = describe(path).parts[part].tensors[key].entry.shape
        if shape[1:2] != (wanted,):
            what = "channels" if part == "vae" else "numbers per token"
            raise WeightsError(
                f"{path.name}: its {NAMES[part]} has {shape[1] if len(shape) > 1 else 0} {what}, but {own.model.name} "
                f"needs {wanted}",
                hint=f"`generator.sd35.{part}` needs SD3.5's own",
            )
