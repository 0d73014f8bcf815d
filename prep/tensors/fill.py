"""Fill a model on the meta device with a file's tensors: one at a time, never two copies.

A linear's weight stays in FP8, or is converted to or from it, as requested; all else takes the compute dtype.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from prep.errors import WeightsError
from prep.tensors.file import torch_dtype
from prep.tensors.fp8 import FP8, Fp8Linear, quantise_rows
from prep.tensors.layout import Part, Stored
from prep.tensors.rows import ALL, Rows, joined

# Which linears are FP8 in memory. stored: as in the file. all: every one. blocks: attention and feed-forward, with
# modulation, embedders and the last layer in the compute dtype (error .039 instead of .071, a third more memory).
# none: no linear, even of an FP8 file (twice the memory; several times as fast on a CPU).
Quantise = Literal["stored", "all", "blocks", "none"]
IN_BLOCKS = ("attn.", "attn2.", "ff.", "ff_context.")


@dataclass(frozen=True)
class Piece:
    """Where a tensor of the model comes from."""

    stored: Stored
    rows: Rows = ALL
    shape: tuple[int, ...] | None = None  # if it differs from the file's: a 1x1 convolution that became a linear

    def dense(self, dtype: torch.dtype) -> torch.Tensor:
        file, key = self.stored.file, self.stored.key
        if self.rows.of == 1:
            values = file.read(key)
        else:
            values = joined([file.read(key, *span) for span in self.rows.spans(self.stored.entry.shape[0])])
        if self.stored.scaled_by:
            scale = self.rows.of_tensor(self.stored.scale())
            values = values.float() * scale.reshape(-1, *[1] * (values.dim() - 1))
        return (values if self.shape is None else values.reshape(self.shape)).to(dtype)

    def eight(self) -> tuple[torch.Tensor, torch.Tensor]:
        """(float8 [out, in], float32 scale [1, 1] or [out, 1]): mapped from the file, or quantised by rows."""
        if not self.stored.eight_bit:
            return quantise_rows(self.dense(torch_dtype(self.stored.entry.dtype)))
        weight = self.rows.of_tensor(self.stored.file.mapped(self.stored.key))
        weight = weight if self.shape is None else weight.reshape(self.shape)
        return weight, self.rows.of_tensor(self.stored.scale())


def linear(name: str, pieces: dict[str, Piece], dtype: torch.dtype, quantise: Quantise) -> nn.Module:
    """The filled layer of this name: an Fp8Linear, or an nn.Linear in dtype."""
    weight, bias = pieces[f"{name}.weight"], pieces.get(f"{name}.bias")
    bias = None if bias is None else bias.dense(dtype)
    eight = {
        "stored": weight.stored.eight_bit,
        "all": True,
        "blocks": any(part in f"{name}." for part in IN_BLOCKS),
        "none": False,
    }[quantise]
    if eight:
        return Fp8Linear(*weight.eight(), bias)
    values = weight.dense(dtype)
    layer = nn.Linear(*values.shape[::-1], bias=bias is not None, device="meta")
    layer.weight = nn.Parameter(values, requires_grad=False)
    layer.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
    return layer


def fill(
    model: nn.Module,
    pieces: dict[str, Piece],
    dtype: torch.dtype,
    quantise: Quantise,
    of: str,
    own_dtype: Callable[[str], torch.dtype | None] = lambda _: None,
) -> None:
    """Give a model on the meta device its tensors. pieces: name in the model -> where it comes from; of: the file.

    own_dtype: for layers that are computed in a different dtype. Raises WeightsError when a tensor is
    missing, left over, or of another shape.
    """
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    _check_fit(wanted, pieces, of)
    state = {}
    for name in wanted:
        owner, _, kind = name.rpartition(".")
        if not isinstance(model.get_submodule(owner), nn.Linear):
            state[name] = pieces[name].dense(dtype)
        elif kind == "weight":
            compute = own_dtype(owner)
            layer = linear(owner, pieces, compute or dtype, quantise)
            if isinstance(layer, Fp8Linear):
                layer.compute = compute
            state |= {f"{owner}.{part}": value for part, value in layer.state_dict().items()}
            if isinstance(layer, Fp8Linear):
                model.set_submodule(owner, layer.to("meta"))
    model.load_state_dict(state, strict=True, assign=True)
    model.requires_grad_(False).eval()


def check_weights(model: nn.Module, of: str, most_std: float = math.inf) -> None:
    """Raises WeightsError when FP8 is outside an Fp8Linear, or a linear's weight is not finite or spread too wide.

    Checks about 64 rows of each weight: a lost scale shows in every row.
    """
    for name, module in model.named_modules():
        tensors = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for kind, value in tensors:
            eight = isinstance(module, Fp8Linear) and kind == "stored"
            if value.dtype in FP8 and not eight:
                raise WeightsError(f"{of}: {name}.{kind} is FP8 in a layer that cannot compute with it")
            if value.is_meta:
                raise WeightsError(f"{of}: {name}.{kind} was not loaded")
            if (kind == "weight" and isinstance(module, nn.Linear)) or eight:
                step = max(1, len(value) // 64)
                rows = value[::step].float()
                rows = rows * (module.scale[::step] if len(module.scale) > 1 else module.scale) if eight else rows
                if not (spread := rows.std(correction=0).item()) < most_std:  # false for NaN, too
                    raise WeightsError(
                        f"{of}: the weights of {name} have a standard deviation of {spread:.3g}; about 0.02 is usual",
                        hint="a scale is missing or the file is damaged",
                    )


def _check_fit(wanted: dict[str, tuple[int, ...]], pieces: dict[str, Piece], of: str) -> None:
    if missing := sorted(wanted.keys() - pieces.keys()):
        raise WeightsError(f"{of} lacks {missing[0]} and {len(missing) - 1} more of this model")
    if extra := sorted(pieces.keys() - wanted.keys()):
        raise WeightsError(f"{of} also holds {extra[0]}, which this model does not have")
    for name, shape in wanted.items():
        stored, rows = pieces[name].stored, pieces[name].rows
        found = stored.entry.shape
        if found and rows.of > 1:
            found = (found[0] // rows.of * len(rows.parts), *found[1:])
        if pieces[name].shape and math.prod(found) == math.prod(shape):
            found = pieces[name].shape
        if found != shape:
            raise WeightsError(f"{of}: {stored.key} is {list(stored.entry.shape)}, which does not fit {name}")


def multiplies_in_fp8(part: Part, quantise: Quantise) -> bool:
    """Whether linears of the blocks will be float8_e4m3fn, the only kind that FP8 products take."""
    if quantise in ("all", "blocks"):
        return True
    return quantise == "stored" and any(part.tensors[key].entry.dtype == "F8_E4M3" for key in _block_linears(part))


def _block_linears(part: Part) -> list[str]:
    ours = (*IN_BLOCKS, ".attn", ".mlp.fc")  # in diffusers' names, and in the files'
    return [key for key in _linears(part) if "block" in key and any(word in key for word in ours)]


def _linears(part: Part) -> list[str]:
    return [key for key, stored in part.tensors.items() if key.endswith(".weight") and len(stored.entry.shape) == 2]


def stored_as(part: Part, quantise: Quantise) -> str:
    """The transformer's layout; fp8-rows (all linears, or those of the blocks) if 16 bit becomes FP8 on load."""
    linears = _block_linears(part) if quantise == "blocks" else _linears(part)
    changed = quantise in ("all", "blocks") and any(not part.tensors[key].eight_bit for key in linears)
    if not changed:
        return part.layout
    rows = "fp8-rows" if quantise == "all" else "fp8-rows-blocks"
    return f"{part.layout}+{rows}" if part.layout.startswith("fp8") else rows
