"""A linear layer stored in FP8: one byte per weight, converted to the input's dtype inside forward.

float8_e4m3fn: 1 sign bit, 4 exponent bits, 3 mantissa bits; largest value 448; no infinity. weight = stored · scale.
Storage only: it saves memory, not time. Error against float32, tiny model, all linears: .071 scaled by rows,
.086 by tensor, .100 unscaled; bfloat16 has .020.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

FP8 = (torch.float8_e4m3fn, torch.float8_e5m2)
LARGEST = 448.0  # torch.finfo(torch.float8_e4m3fn).max
ROWS_AT_ONCE = 1024  # quantising copies this many rows to float32 at a time, not the whole matrix


class Fp8Linear(nn.Module):
    """y = x · weightᵀ + bias, like nn.Linear.

    stored: float8 [out, in]. scale: float32 [1, 1], or [out, 1] by rows; never 0-dim, which would be rounded to the
    input's dtype before multiplying. bias: [out] in the compute dtype, or None.
    compute: the dtype to multiply in, if not the input's: float32 for T5's `wo` in a float16 encoder.
    """

    product: Callable | None = None  # (layer, x) -> its output, on a card that multiplies in FP8: see products.py
    keeps = False  # whether the next dense weight is kept until `keep(False)`
    kept: torch.Tensor | None = None
    weight = None  # T5 looks at it, and would cast its activations to float8 if it were a tensor

    def __init__(
        self, stored: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor | None, compute: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.out_features, self.in_features = stored.shape
        self.compute = compute
        self.register_buffer("stored", stored)
        self.register_buffer("scale", scale)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    def dense(self, dtype: torch.dtype) -> torch.Tensor:
        """The weight: dtype [out, in]. Multiplied by its scale in float32 and rounded once."""
        if not self.keeps:
            return self._dense(dtype)
        if self.kept is None or self.kept.dtype != dtype:
            self.kept = self._dense(dtype)
        return self.kept

    def keep(self, keeps: bool) -> None:
        """Set whether the dense weight is kept between calls, for rows that pass one after the other."""
        self.keeps, self.kept = keeps, None

    def _dense(self, dtype: torch.dtype) -> torch.Tensor:
        if self.stored.device.type != "cpu":
            return self.stored.to(dtype).mul_(self.scale)
        # A CPU casts float8 value by value: a table of its 256 values takes half the time or less.
        stored = self.stored.view(torch.uint8).flatten().int()
        table = torch.arange(256, dtype=torch.uint8).view(self.stored.dtype).float()
        if self.scale.numel() == 1:
            table = (table * self.scale[0]).to(dtype)
            return table.index_select(0, stored).view(self.stored.shape)
        return table.index_select(0, stored).view(self.stored.shape).mul_(self.scale).to(dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: [..., in] -> [..., out]."""
        if self.product is not None:
            return self.product(self, x)
        x = x.to(self.compute or x.dtype)
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.linear(x, self.dense(x.dtype), bias)

    def _apply(self, fn: Callable, recurse: bool = True) -> "Fp8Linear":
        """`.to(dtype)` affects only the bias: weight and scale move as integers, which keeps their dtype."""
        stored, scale = self.stored.dtype, self.scale.dtype
        self.stored, self.scale = self.stored.view(torch.uint8), self.scale.view(torch.int32)
        try:
            return super()._apply(fn, recurse)
        finally:
            self.stored, self.scale = self.stored.view(stored), self.scale.view(scale)

    def extra_repr(self) -> str:
        rows = "rows" if self.scale.numel() > 1 else "tensor"
        return f"{self.in_features}, {self.out_features}, {self.stored.dtype}, scaled by {rows}"


def quantise_rows(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """weight: float [out, in] -> (float8_e4m3fn [out, in], float32 [out, 1]): scale = row's largest / 448."""
    stored = torch.empty(weight.shape, dtype=torch.float8_e4m3fn)
    scale = torch.empty(len(weight), 1, dtype=torch.float32)
    for start in range(0, len(weight), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        values = weight[rows].float()
        largest = values.abs().amax(dim=1, keepdim=True)
        scale[rows] = torch.where(largest > 0, largest / LARGEST, 1.0)
        # A quotient may round to slightly above 448, which float8 turns into NaN.
        stored[rows] = (values / scale[rows]).clamp_(-LARGEST, LARGEST).to(torch.float8_e4m3fn)
    return stored, scale
