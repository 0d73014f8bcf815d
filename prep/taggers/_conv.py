"""A convolution with what follows it: an addition, a ReLU. On an x86 CPU oneDNN does all three in one pass, with
weights that are put into its own order once. Nothing here knows a network.
"""

import platform

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Conv(nn.Conv2d):
    """relu(conv(x) + plus), each of the two only if asked. `plus` may be written over, x is left alone."""

    def forward(self, x: Tensor, plus: Tensor | None = None, relu: bool = False) -> Tensor:
        # In place throughout: new activations cost more on a CPU than the convolutions that fill them.
        y = super().forward(x)
        if plus is not None:
            y = y.add_(plus)
        return F.relu(y, inplace=True) if relu else y


class PackedConv(nn.Module):
    """A Conv for inference on a CPU. Its weights are put in order for the first batch's shape, and not kept twice;
    another shape is answered as well, but slowly. In bfloat16 the sum is rounded once in place of twice.

    These are the operators that torch.compile freezes a CPU network into; they have no public names.
    """

    def __init__(self, conv: Conv) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight.detach(), conv.bias
        self.layout = (conv.padding, conv.stride, conv.dilation, conv.groups)

    def forward(self, x: Tensor, plus: Tensor | None = None, relu: bool = False) -> Tensor:
        onednn = torch.ops.mkldnn
        if not self.weight.is_mkldnn:
            self.weight = onednn._reorder_convolution_weight(self.weight, *self.layout, x.shape)
        conv = (x, self.weight, self.bias, *self.layout)
        if plus is None:
            return onednn._convolution_pointwise(*conv, "relu" if relu else "none", [], "")
        return onednn._convolution_pointwise_(plus, *conv, "add", 1.0, "relu" if relu else None, [], "")


def can_pack() -> bool:
    """Elsewhere (ARM) oneDNN stands on other kernels, which have not been tried."""
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    return x86 and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise_")


def pack(network: nn.Module) -> None:
    """Swap every Conv for a PackedConv, for good: what is left can't be trained or saved."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, Conv):
                setattr(module, name, PackedConv(child))
