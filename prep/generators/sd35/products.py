"""FP8 matrix products, for cards that support them (SM 8.9 and above): both factors in float8, summed in float32.

The input is scaled row by row, so that a picture's numbers do not depend on the rest of its batch. Cards and versions
differ in what they support, so one product is tried before any is used.
"""

import torch

from prep.tensors.fp8 import LARGEST, Fp8Linear

LEAST = (8, 9)  # compute capability
UNIT = 16  # _scaled_mm needs both sides of the weight divisible by it


def why_no_products(device: torch.device) -> str:
    """Empty when FP8 products work on this device, otherwise one clause that says why not."""
    if device.type != "cuda":
        return "a CPU has none"
    if torch.cuda.get_device_capability(device) < LEAST:
        return f"{torch.cuda.get_device_name(device)} has none"
    return probe(device)


def probe(device: torch.device) -> str:
    """Compare one product of [32, 64] and [64, 48] with the same in float32: empty when they agree."""
    numbers = torch.Generator().manual_seed(0)
    weight, x = torch.randn(48, 64, generator=numbers), torch.randn(32, 64, generator=numbers)
    layer = Fp8Linear(weight.to(torch.float8_e4m3fn), torch.full((1, 1), 0.5), None)
    wanted = x @ layer.dense(torch.float32).T
    try:
        found = multiply(layer.to(device), x.to(device, torch.bfloat16)).float().cpu()
    except (RuntimeError, ValueError, NotImplementedError, AttributeError) as error:
        return str(error).strip().split("\n")[0][:120]
    error = ((found - wanted).norm() / wanted.norm()).item()
    return "" if error < 0.1 else f"the card's product is off by {error:.2f}"  # float8's own error is about .03


def multiply(layer: Fp8Linear, x: torch.Tensor) -> torch.Tensor:
    """x: bfloat16 [..., in] -> bfloat16 [..., out]. Other dtypes and ragged widths go through `dense`."""
    rows = x.reshape(-1, x.shape[-1])
    largest = rows.abs().amax(1, keepdim=True).float()
    scale = torch.where(largest > 0, largest / LARGEST, 1.0)
    eight = (rows.float() / scale).clamp_(-LARGEST, LARGEST).to(torch.float8_e4m3fn)
    weight_scale = layer.scale.reshape(1, -1).expand(1, layer.out_features).contiguous()
    out = torch._scaled_mm(eight, layer.stored.T, scale_a=scale, scale_b=weight_scale, out_dtype=torch.bfloat16)
    out = out if layer.bias is None else out + layer.bias.to(out.dtype)
    return out.reshape(*x.shape[:-1], layer.out_features).to(x.dtype)


def use_products(model: torch.nn.Module) -> int:
    """Let the model's FP8 linears multiply in FP8 -> how many can. Those of other shapes stay storage only."""
    layers = [
        module
        for module in model.modules()
        if isinstance(module, Fp8Linear)
        and module.stored.dtype == torch.float8_e4m3fn
        and module.in_features % UNIT == 0
        and module.out_features % UNIT == 0
    ]
    for layer in layers:
        layer.product = multiply
    return len(layers)
