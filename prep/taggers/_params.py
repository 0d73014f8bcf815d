"""The sizes of a DeepDanbooru network, and the shapes of its tensors. No torch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from prep.errors import WeightsError
from prep.tensors.file import AGAIN, shown

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Stage:
    width: int  # channels of the 3x3
    out: int  # output channels of the stage
    blocks: int


@dataclass(frozen=True)
class ResNetParams:
    stem: int
    stages: tuple[Stage, ...]
    tags: int


V3 = ResNetParams(
    stem=64,
    stages=(
        Stage(64, 256, 3),
        Stage(128, 512, 8),
        Stage(256, 1024, 20),
        Stage(256, 1024, 20),
        Stage(512, 2048, 3),
        Stage(1024, 4096, 3),
    ),
    tags=9176,
)


def params_of(shapes: Mapping[str, Shape], of: str) -> ResNetParams:
    """The network to which tensors of these names and shapes belong. of: the file.

    Raises WeightsError unless they are exactly those of one.
    """
    blocks: dict[int, int] = {}
    for key in shapes:
        if found := re.match(r"stages\.(\d{1,4})\.(\d{1,4})\.", key):
            place, index = int(found[1]), int(found[2])
            blocks[place] = max(blocks.get(place, 0), index + 1)
    if not blocks:
        raise WeightsError(f"{of} does not contain this network: it has no tensor called stages.0.0...", hint=AGAIN)
    outer = [_conv(shapes, f"stages.{place}.0.expand.weight", of) for place in sorted(blocks)]
    stages = tuple(Stage(width, out, blocks[place]) for place, (out, width) in zip(sorted(blocks), outer, strict=True))
    params = ResNetParams(_conv(shapes, "stem.weight", of)[0], stages, _conv(shapes, "head.weight", of)[0])
    wanted = network_shapes(params)
    if missing := [key for key in wanted if key not in shapes]:
        raise WeightsError(f"{of} does not contain this network: {missing[0]} is missing", hint=AGAIN)
    for key, shape in shapes.items():
        if key not in wanted:
            raise WeightsError(f"{of} also holds {key}, which this network does not have", hint=AGAIN)
        if shape != wanted[key]:
            raise WeightsError(f"{of}: {key} is {shown(shape)}; prep expects {list(wanted[key])}", hint=AGAIN)
    return params


def network_shapes(params: ResNetParams) -> dict[str, Shape]:
    """Every tensor of the network: name -> shape."""
    convs = {"stem": (params.stem, 3, 7)}
    channels = params.stem
    for place, stage in enumerate(params.stages):
        for index in range(stage.blocks):
            above = f"stages.{place}.{index}."
            convs[f"{above}reduce"] = stage.width, channels, 1
            convs[f"{above}spatial"] = stage.width, stage.width, 3
            convs[f"{above}expand"] = stage.out, stage.width, 1
            if index == 0:
                convs[f"{above}project"] = stage.out, channels, 1
            channels = stage.out
    shapes: dict[str, Shape] = {"head.weight": (params.tags, channels, 1, 1)}
    for name, (out, into, side) in convs.items():
        shapes |= {f"{name}.weight": (out, into, side, side), f"{name}.bias": (out,)}
    return shapes


def _conv(shapes: Mapping[str, Shape], key: str, of: str) -> tuple[int, int]:
    """(channels out, in) of a convolution."""
    if key not in shapes:
        raise WeightsError(f"{of} does not contain this network: {key} is missing", hint=AGAIN)
    if len(shapes[key]) != 4 or 0 in shapes[key]:
        raise WeightsError(
            f"{of}: {key} is {shown(shapes[key])}; prep expects 4 dimensions, none of them 0", hint=AGAIN
        )
    return shapes[key][:2]
