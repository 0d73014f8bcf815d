"""A diffusers folder: a sub-folder per part, each with a config.json and safetensors files. Reads only headers."""

from pathlib import Path
from typing import Any

from prep.documents import read_json
from prep.errors import WeightsError
from prep.tensors.file import WeightFile
from prep.tensors.kind import OTHER_MODEL
from prep.tensors.layout import Part, part_of

FOLDERS = {"clip_l": "text_encoder", "clip_g": "text_encoder_2", "t5": "text_encoder_3"}
INDEX = "model_index.json"
PIPELINE = "StableDiffusion3"  # its pipelines' names begin with it
NO_PICKLES = "prep does not read pickled weights"
PLAIN = ("diffusion_pytorch_model.safetensors", "model.safetensors")


def open_folder(path: Path, part: str) -> tuple[dict, Part]:
    """(config.json, tensors) of a part in a diffusers folder, whole or in shards."""
    folder = path / part if (path / part).is_dir() else path
    _check_pipeline(path)
    config = _read_json(folder / "config.json")
    if config is None:
        raise WeightsError(
            f"{folder} is not a diffusers folder: its config.json cannot be read",
            hint="name the folder that contains model_index.json, or a single safetensors file",
        )
    kind = config.get("_class_name") or config.get("model_type")
    if part == "transformer" and kind not in (None, "SD3Transformer2DModel"):
        raise WeightsError(f"{folder} is of {kind}, not of an SD3 transformer", hint=alone(path) or OTHER_MODEL)
    files = sorted(folder.glob("*.safetensors"))
    if indexes := sorted(folder.glob("*.safetensors.index.json")):
        try:
            files = sorted({folder / name for name in _read_json(indexes[0])["weight_map"].values()})
        except (KeyError, AttributeError, TypeError) as error:
            raise WeightsError(f"{indexes[0].name} in {folder} is not readable") from error
    elif len(files) > 1:
        files = [file for file in files if file.name in PLAIN]  # the others are variants of it
    if not files:
        raise WeightsError(f"{folder} contains no safetensors file with a diffusers name", hint=NO_PICKLES)
    return config, part_of([WeightFile(file) for file in files], part)


def alone(path: Path) -> str:
    """What to name instead of a part's folder, or a file in it; empty if no folder above is a complete model."""
    above = next((folder for folder in (path.parent, path.parent.parent) if (folder / INDEX).is_file()), None)
    return f"name the whole folder: {above}" if above else ""


def _check_pipeline(path: Path) -> None:
    """Raises WeightsError when model_index.json belongs to another model."""
    index = _read_json(path / INDEX) or {}
    kind = index.get("_class_name")
    if isinstance(kind, str) and not kind.startswith(PIPELINE):
        raise WeightsError(f"{path} is a folder of {kind}", hint=OTHER_MODEL)


def _read_json(path: Path) -> dict[str, Any] | None:
    """None if it is missing or not a table."""
    try:
        found = read_json(path, follow=True)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
