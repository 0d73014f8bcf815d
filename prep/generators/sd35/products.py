"""FP8 matrix products, for cards that support them (SM 8.9 and above): both factors in float8, summed in float32.

Only attention and feed-forward multiply in FP8: where modulation is computed, by the model or by its adaLN cache, makes
no difference then.

The input is scaled row by row, so that a picture's numbers do not depend on the rest of its batch. Cards and versions
differ in what they support (an SM 12.0 took one scale for each factor, and none by row), so both ways are tried on a
small product before any is used.
"""

from collections.abc import Callable

import torch

from prep.errors import StoppedError
from prep.tensors.device import is_out_of_memory
from prep.tensors.fill import IN_BLOCKS
from prep.tensors.fp8 import LARGEST, Fp8Linear

LEAST = (8, 9)  # compute capability
UNIT = 16  # _scaled_mm needs both sides of the weight divisible by it
Multiply = Callable[[Fp8Linear, torch.Tensor], torch.Tensor]


def way_to_multiply(device: torch.device) -> tuple[str, str]:
    """(by_rows, by_tensor, or empty when there are no FP8 products on this device; one clause that says why not)."""
    if device.type != "cuda":
        return "", "a CPU has none"
    if torch.cuda.get_device_capability(device) < LEAST:
        return "", f"{torch.cuda.get_device_name(device)} has none"
    whys = []
    for way, multiply in WAYS.items():
        why = probe(device, multiply)
        if not why:
            return way, ""
        whys.append(why)
    return "", whys[-1]


def probe(device: torch.device, multiply: Multiply) -> str:
    """Compare one product of [32, 64] and [64, 48] with the same in float32: empty when they agree."""
    numbers = torch.Generator().manual_seed(0)
    weight, x = torch.randn(48, 64, generator=numbers), torch.randn(32, 64, generator=numbers)
    layer = Fp8Linear(weight.to(torch.float8_e4m3fn), torch.full((1, 1), 0.5), None)
    wanted = x @ layer.dense(torch.float32).T
    try:
        found = multiply(layer.to(device), x.to(device, torch.bfloat16)).float().cpu()
    except (RuntimeError, ValueError, NotImplementedError, AttributeError) as error:
        if is_out_of_memory(error):  # says nothing about products, and another answer would draw everything again
            raise StoppedError(
                "the card has no memory left for a product of 32 rows", hint="close what else uses it, and run again"
            ) from error
        return str(error).strip().split("\n")[0][:120]
    error = ((found - wanted).norm() / wanted.norm()).item()
    return "" if error < 0.1 else f"the card's product is off by {error:.2f}"  # float8's own error is about .03


def by_rows(layer: Fp8Linear, x: torch.Tensor) -> torch.Tensor:
    """x: bfloat16 [..., in] -> bfloat16 [..., out]. The product itself scales rows and columns."""
    eight, scale = _eight(x)
    weight_scale = layer.scale.reshape(1, -1).expand(1, layer.out_features).contiguous()
    out = torch._scaled_mm(eight, layer.stored.T, scale_a=scale, scale_b=weight_scale, out_dtype=torch.bfloat16)
    return _shaped(out, layer, x)


def by_tensor(layer: Fp8Linear, x: torch.Tensor) -> torch.Tensor:
    """The same where a product takes one scale for each factor: rows and columns are scaled after it."""
    eight, scale = _eight(x)
    one = torch.ones((), device=x.device)
    out = torch._scaled_mm(eight, layer.stored.T, scale_a=one, scale_b=one, out_dtype=torch.bfloat16)
    return _shaped((out * scale * layer.scale.reshape(1, -1)).to(torch.bfloat16), layer, x)


WAYS: dict[str, Multiply] = {"by_rows": by_rows, "by_tensor": by_tensor}


def _eight(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(float8 [rows, in], float32 scale [rows, 1])."""
    rows = x.reshape(-1, x.shape[-1])
    largest = rows.abs().amax(1, keepdim=True).float()
    scale = torch.where(largest > 0, largest / LARGEST, 1.0)
    return (rows.float() / scale).clamp_(-LARGEST, LARGEST).to(torch.float8_e4m3fn), scale


def _shaped(out: torch.Tensor, layer: Fp8Linear, x: torch.Tensor) -> torch.Tensor:
    out = out if layer.bias is None else out + layer.bias.to(out.dtype)
    return out.reshape(*x.shape[:-1], layer.out_features).to(x.dtype)


def use_products(model: torch.nn.Module, way: str) -> int:
    """Let the FP8 linears of attention and feed-forward multiply in FP8 -> how many can. Others stay storage only."""
    layers = [
        module
        for name, module in model.named_modules()
        if isinstance(module, Fp8Linear)
        and any(part in f"{name}." for part in IN_BLOCKS)
        and module.stored.dtype == torch.float8_e4m3fn
        and module.in_features % UNIT == 0
        and module.out_features % UNIT == 0
    ]
    for layer in layers:
        layer.product = WAYS[way]
    return len(layers)
