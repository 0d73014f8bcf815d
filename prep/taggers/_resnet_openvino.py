"""The network of _resnet.py as OpenVINO's graph, from the same tensors: no tracing, and no file in between."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from prep.taggers._params import ResNetParams
from prep.tensors.in_openvino import openvino

if TYPE_CHECKING:
    from openvino import Model


def graph(params: ResNetParams, state: Mapping[str, Tensor], side_px: int) -> "Model":
    """One picture, float32 [1, side_px, side_px, 3], RGB, 0-1 -> float32 [1, tags]: logits, as ResNet.logits.

    state: as ResNet's own. Raises StoppedError where OpenVINO cannot be used.
    """
    module = openvino()
    from openvino import opset13 as ops

    def constant(tensor: Tensor) -> Any:
        return ops.constant(tensor.float().contiguous().numpy(), shared_memory=True)

    def conv(x: Any, name: str, stride: int = 1, before: int = 0, after: int = 0) -> Any:
        """before, after: zeros around the picture, left and above, right and below."""
        weight, bias = (state.get(f"{name}.{kind}") for kind in ("weight", "bias"))
        x = ops.convolution(x, constant(weight), [stride] * 2, [before] * 2, [after] * 2, [1, 1])
        return x if bias is None else ops.add(x, constant(bias.reshape(1, -1, 1, 1)))

    def block(x: Any, name: str, stride: int, project: bool) -> Any:
        inner = ops.relu(conv(x, f"{name}.reduce"))
        inner = ops.relu(conv(inner, f"{name}.spatial", stride, before=0 if stride == 2 else 1, after=1))
        shortcut = conv(x, f"{name}.project", stride) if project else x
        return ops.relu(ops.add(conv(inner, f"{name}.expand"), shortcut))

    picture = ops.parameter([1, side_px, side_px, 3], np.float32, "picture")
    x = ops.transpose(picture, np.array([0, 3, 1, 2]))
    x = ops.relu(conv(x, "stem", 2, before=2, after=3))
    x = ops.max_pool(x, [2, 2], [1, 1], [0, 0], [1, 1], [3, 3], "floor").output(0)
    for place, stage in enumerate(params.stages):
        for index in range(stage.blocks):
            stride = 2 if index == 0 and place > 0 else 1
            x = block(x, f"stages.{place}.{index}", stride, project=index == 0)
    x = conv(ops.reduce_mean(x, np.array([2, 3]), True), "head")
    return module.Model([ops.reshape(x, np.array([1, -1]), False)], [picture], "deepdanbooru")
