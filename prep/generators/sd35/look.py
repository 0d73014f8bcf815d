"""Whether an SD3.5 can be made from these files with these options, from headers only: before a run touches anything,
and again when it is made. No torch.
"""

from collections.abc import Mapping
from pathlib import Path

from prep.errors import SettingsError, WeightsError
from prep.generators.sd35.family import PATCH_PX, Transformer, read_transformer
from prep.generators.sd35.files import NAMES, Files, check_part
from prep.generators.sd35.folder import FOLDERS, open_folder
from prep.generators.sd35.header import describe
from prep.generators.sd35.options import PARTS, SD35Options
from prep.generators.sd35.sizes import check_clip, check_t5, check_transformer, check_vae, clip_sizes
from prep.tensors.layout import Part

WIDTHS = {"vae": ("decoder.conv_in.weight", 4), "t5": ("shared.weight", 2)}  # -> a tensor's key and its dimensions


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
    for part, found in _parts_in(files).items():
        _check_shapes(part, *found)


def look(name: str, files: Mapping[str, Path], options: SD35Options) -> tuple[Files, Transformer, set[str]]:
    """-> (its files, what the header says of the transformer, the parts that are there).

    Raises WeightsError for an unreadable file, a missing part, or a part of another model.
    """
    own = Files(**{part: path for part, path in files.items() if part in ("model", *PARTS)})
    transformer = read_transformer(own.model, name)
    parts = own.check(options.with_t5 and transformer.family.published)
    used = [part for part in PARTS if part in parts and (part != "t5" or options.with_t5)]
    found = _parts_in({part: getattr(own, part) or own.model for part in used})
    _check_fit(own, found, transformer.config)
    check_transformer(transformer.part, transformer.config, original=own.model.is_file())
    for part, each in found.items():
        _check_shapes(part, *each)
    return own, transformer, parts


def _check_fit(own: Files, found: Mapping[str, tuple[dict | None, Part]], config: dict) -> None:
    """Raises WeightsError for a VAE, a T5 or CLIPs of another model, which do not fit SD3's transformer."""
    for name, what, wanted in (
        ("vae", "channels", config["in_channels"]),
        ("t5", "numbers per token", config["joint_attention_dim"]),
    ):
        if name not in found or found[name][0] is not None:
            continue
        part = found[name][1]
        width = part.shape(*WIDTHS[name])[1]
        if width != wanted:
            raise WeightsError(
                f"{part.file}: its {NAMES[name]} has {width} {what}, but {own.model.name} needs {wanted}",
                hint=f"`generator.sd35.{name}` needs SD3.5's own",
            )
    sizes = {name: clip_sizes(part) for name, (_, part) in found.items() if name.startswith("clip")}
    pooled = sum(each["projection_dim" if name == "clip_g" else "hidden_size"] for name, each in sizes.items())
    joint = sum(each["hidden_size"] for each in sizes.values())
    if len(sizes) == 2 and (pooled != config["pooled_projection_dim"] or joint > config["joint_attention_dim"]):
        raise WeightsError(
            f"{own.model.name}: its CLIPs give {pooled} numbers per prompt and {joint} per token, but its transformer "
            f"takes {config['pooled_projection_dim']}, and at most {config['joint_attention_dim']}",
            hint="`generator.sd35.clip_l` and `clip_g` need SD3.5's own",
        )


def _check_shapes(name: str, config: dict | None, part: Part) -> None:
    """Raises WeightsError unless a part has every tensor that it needs, each in its shape, and no other."""
    if name == "vae":
        check_vae(part, config)
    elif name == "t5":
        check_t5(part)
    else:
        check_clip(part, bare=name == "clip_l")


def _parts_in(places: Mapping[str, Path]) -> dict[str, tuple[dict | None, Part]]:
    """places: part -> a file or diffusers folder that holds it. -> (its config.json, or None for a file; the part)."""
    headers = {path: describe(path).parts for path in set(places.values()) if not path.is_dir()}
    found = {}
    for name, path in places.items():
        if path in headers:
            found[name] = None, headers[path].get(name) or headers[path]["clip"]
        else:
            found[name] = open_folder(path, FOLDERS.get(name, name))
    return found
