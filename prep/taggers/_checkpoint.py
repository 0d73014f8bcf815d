"""Read a tagger's weights: the published DeepDanbooru file, or one of prep's own. Nothing here runs a network.

The published file is a torch.save of one dict: `n_Conv_K.weight/bias` in order of the graph, and `tags`.
Ours is safetensors under the module's own names, with `tags` and `image_px` in the metadata.
"""

import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from prep.documents import parse_json
from prep.errors import WeightsError
from prep.options import TaggerOptions
from prep.taggers._params import V3, ResNetParams
from prep.taggers.look import check_network, look


@dataclass(frozen=True)
class Checkpoint:
    params: ResNetParams
    state: dict[str, torch.Tensor]
    tags: tuple[str, ...]
    image_px: int  # side of the square that the network was trained on


def read_checkpoint(path: Path) -> Checkpoint:
    """Read either form of file.

    Raises WeightsError: unreadable, another kind of file, or shapes that do not fit together.
    """
    published = look(path.stem, {"model": path}, TaggerOptions())
    return _read_published(path) if published else _read_ours(path)


def write_checkpoint(path: Path, state: dict[str, torch.Tensor], tags: tuple[str, ...], image_px: int) -> None:
    metadata = {"tags": json.dumps(tags), "image_px": str(image_px)}
    save_file({key: value.contiguous() for key, value in state.items()}, path, metadata)


def published_names(params: ResNetParams = V3) -> Iterator[tuple[str, str]]:
    """Yield (key in the published file, key in the module) without `.weight` and `.bias`.

    A block's projection is numbered before its three convolutions, but in stage 4 after them.
    """
    names = ["stem"]
    for place, stage in enumerate(params.stages):
        for index in range(stage.blocks):
            block = [f"stages.{place}.{index}.{part}" for part in ("reduce", "spatial", "expand")]
            if index == 0:
                block.insert(len(block) if place == 3 else 0, f"stages.{place}.0.project")
            names += block
    names.append("head")
    for number, name in enumerate(names):
        yield f"n_Conv_{number}", name


def _read_published(path: Path) -> Checkpoint:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        tags = tuple(content.pop("tags"))
        state = {
            f"{ours}.{kind}": content.pop(f"{theirs}.{kind}")
            for theirs, ours in published_names()
            for kind in (("weight",) if ours == "head" else ("weight", "bias"))
        }
    except pickle.UnpicklingError as error:  # torch's own message explains how to run it anyway
        raise WeightsError(
            f"{path.name} holds more than tensors and tags: a program that would run when it is opened",
            hint="prep does not open it; `prep models get deepdanbooru-v3` fetches the published file",
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, SafetensorError) as error:  # torch goes by a file's name
        raise WeightsError(
            f"{path.name} is damaged, and cannot be read as a DeepDanbooru checkpoint",
            hint="`prep models get deepdanbooru-v3 --again` fetches it again",
        ) from error
    except (KeyError, AttributeError, TypeError) as error:
        raise WeightsError(
            f"{path.name} is not model-resnet_custom_v3: {_first_line(error)} is missing",
            hint="prep reads the .pt file of the TorchDeepDanbooru release, not the Keras one",
        ) from error
    if content:
        raise WeightsError(f"{path.name} is not model-resnet_custom_v3: it also holds {next(iter(content))}")
    return _checked(path, state, tags, image_px=512)


def _read_ours(path: Path) -> Checkpoint:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is not a dict
        tags, image_px = parse_json(metadata["tags"]), int(metadata["image_px"])
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(f"{path.name} cannot be read as safetensors: {_first_line(error)}") from error
    return _checked(path, state, tuple(tags), image_px)


def _checked(path: Path, state: dict[str, torch.Tensor], tags: tuple[str, ...], image_px: int) -> Checkpoint:
    if not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise WeightsError(f"{path.name} holds something other than a tensor under a tensor's name")
    params = check_network({key: tuple(value.shape) for key, value in state.items()}, tags, image_px, path.name)
    return Checkpoint(params, state, tags, image_px)


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
