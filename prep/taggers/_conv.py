"""A convolution with the addition and ReLU that follow it. On an x86 CPU oneDNN does all three in one pass, with
weights that are reordered once. Nothing here knows a network.

oneDNN's operators are private in torch. So a packed convolution is tested once per process, and used only if its result
equals the plain one's.
"""

import functools
import logging
import platform
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# As a share of the largest value. bfloat16 has steps of 0.004 below 1, and a packed sum is rounded once less.
TOLERANCES = {torch.float32: 1e-5, torch.bfloat16: 0.02}


class Conv(nn.Conv2d):
    """relu(conv(x) + plus), with both optional. `plus` may be overwritten, x is left alone."""

    def forward(self, x: Tensor, plus: Tensor | None = None, relu: bool = False) -> Tensor:
        # In place throughout: on a CPU new activations cost more than the convolutions that fill them.
        y = super().forward(x)
        if plus is not None:
            y = y.add_(plus)
        return F.relu(y, inplace=True) if relu else y


class PackedConv(nn.Module):
    """A Conv for inference on a CPU. Its weights are reordered for the first batch's shape, and kept only once; another
    shape works as well, but slowly. In bfloat16 the sum is rounded once instead of twice.

    These are the operators that torch.compile uses for a frozen CPU network; they have no public names.
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
    """Elsewhere (ARM) oneDNN uses other kernels, which have not been tested."""
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    return x86 and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise_")


def pack(network: nn.Module) -> None:
    """Replace every Conv by a PackedConv for good: the network can no longer be trained or saved. If a packed
    convolution differs from a plain one, the network stays as it is.
    """
    if not all(answers_as_plain(dtype) for dtype in {parameter.dtype for parameter in network.parameters()}):
        return
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, Conv):
                setattr(module, name, PackedConv(child))


@functools.cache
def answers_as_plain(dtype: torch.dtype) -> bool:
    """Whether a packed convolution gives a plain one's result, with and without an addition and a ReLU. If not, the
    reason is logged once per process.
    """
    try:
        differences = [_difference(dtype, added, relu) for added, relu in product((False, True), repeat=2)]
    except Exception as error:  # private operators may fail in any way: removed, renamed, changed
        line = str(error).partition("\n")[0]
        why = f"{type(error).__name__}: {line}"
    else:
        far = [each for each in differences if not each <= TOLERANCES.get(dtype, 0)]  # NaN counts as different
        if not far:
            return True
        why = f"they differ by {far[0]:.2g} of the largest value"
    logging.getLogger("prep.taggers").warning(
        f"tag: packed convolutions do not work with torch {torch.__version__} in {str(dtype).removeprefix('torch.')} "
        f"({why}); plain ones are used, which are slower"
    )
    return False


@torch.inference_mode()
def _difference(dtype: torch.dtype, added: bool, relu: bool) -> float:
    """The largest difference between a packed and a plain convolution, as a share of the largest value; NaN if either
    has NaN.
    """
    plain = Conv(16, 16, 3, padding=1, device="meta")  # draws no random weights: the random state is the caller's
    plain.load_state_dict({"weight": _waves(dtype, 16, 16, 3, 3), "bias": _waves(dtype, 16)}, assign=True)
    packed = PackedConv(plain)
    x = _waves(dtype, 2, 16, 8, 8).contiguous(memory_format=torch.channels_last)
    expected, *found = (
        conv(x, plus=-x if added else None, relu=relu).float()
        for conv in (plain, packed, packed)  # twice: the second call finds the weights reordered
    )
    return float((torch.stack(found) - expected).abs().max() / expected.abs().max())


def _waves(dtype: torch.dtype, *shape: int) -> Tensor:
    """Values between -1 and 1 that do not repeat."""
    count = torch.Size(shape).numel()
    return torch.sin(torch.arange(count, dtype=torch.float32) * 1.7).reshape(shape).to(dtype)
