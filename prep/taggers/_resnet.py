"""The DeepDanbooru v3 network: a stem, stages of bottleneck blocks, a head. Any size, from its parameters.

The layout inside is NCHW (channels-last in memory); the input is NHWC, as for the published network.
Nothing here knows a file, a tag name or an image.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prep.taggers._conv import Conv
from prep.taggers._params import ResNetParams


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with ReLU between, added to a shortcut. A block that changes size projects its shortcut."""

    def __init__(self, channels: int, width: int, out: int, stride: int, project: bool) -> None:
        super().__init__()
        self.reduce = Conv(channels, width, 1)
        # Stride 2 pads right and bottom only (TensorFlow's "same"); see forward.
        self.spatial = Conv(width, width, 3, stride, padding=0 if stride == 2 else 1)
        self.expand = Conv(width, out, 1)
        self.project = Conv(channels, out, 1, stride) if project else nn.Identity()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        inner = self.reduce(x, relu=True)
        if self.stride == 2:
            inner = F.pad(inner, (0, 1, 0, 1))
        return self.expand(self.spatial(inner, relu=True), plus=self.project(x), relu=True)


class ResNet(nn.Module):
    """batch: float [B, H, W, 3], RGB, 0-1 -> float [B, tags], 0-1. H and W are multiples of 4 * 2 ** (stages - 1)."""

    def __init__(self, params: ResNetParams) -> None:
        super().__init__()
        self.stem = Conv(3, params.stem, 7, 2)
        channels, stages = params.stem, []
        for place, stage in enumerate(params.stages):
            blocks = []
            for index in range(stage.blocks):
                stride = 2 if index == 0 and place > 0 else 1
                blocks.append(Bottleneck(channels, stage.width, stage.out, stride, project=index == 0))
                channels = stage.out
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.head = Conv(channels, params.tags, 1, bias=False)

    def forward(self, batch: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(batch))

    def logits(self, batch: Tensor) -> Tensor:
        x = F.pad(batch.permute(0, 3, 1, 2), (2, 3, 2, 3))
        x = self.stem(x, relu=True)
        x = F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=float("-inf")), 3, 2)
        x = self.stages(x)
        # The head is linear, so the mean may come first: the same result, 1.3 % less work.
        return self.head(x.mean((2, 3), keepdim=True)).flatten(1)
