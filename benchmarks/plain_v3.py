"""DeepDanbooru v3 as its published module runs it: the same operators in the same order, nothing in place, the head
before the mean. The yardstick of bench_tagging.py; prep itself never runs this.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from prep.taggers._params import V3


def plain_scores(state: dict[str, Tensor], batch: Tensor) -> Tensor:
    """state: float32, under ResNet's names; batch: float32 [B, 512, 512, 3], RGB, 0-1 -> float32 [B, 9176], 0-1."""

    def conv(name: str, x: Tensor, stride: int = 1) -> Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), stride)

    x = F.pad(batch.permute(0, 3, 1, 2), (2, 3, 2, 3))
    x = F.relu(conv("stem", x, 2))
    x = F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=float("-inf")), 3, 2)
    for place, stage in enumerate(V3.stages):
        for index in range(stage.blocks):
            block = f"stages.{place}.{index}"
            stride = 2 if index == 0 and place > 0 else 1
            shortcut = conv(f"{block}.project", x, stride) if index == 0 else x
            inner = F.relu(conv(f"{block}.reduce", x))
            inner = F.pad(inner, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))
            inner = F.relu(conv(f"{block}.spatial", inner, stride))
            x = F.relu(torch.add(conv(f"{block}.expand", inner), shortcut))
    x = conv("head", x)
    return torch.sigmoid(F.avg_pool2d(x, x.shape[-2:]).flatten(1))
