"""The adaLN cache: SD3.5's modulation, computed once for all steps of a prompt instead of at every step.

Each block scales and shifts by numbers that depend only on (timestep, pooled prompt); the layers that compute them are
a third of the model (2.685 of 8.146 G parameters in large). Here they are read from the file, run once and dropped;
the model keeps their outputs: float [calls, rows, width], 124 MB for 28 steps and 2 rows.

A cached transformer gives bit-identical results, for the timesteps and pooled prompts that it was prepared for and in
batches of the same rows: matrix kernels may differ in the last bit between batch sizes.
"""

import copy
from pathlib import Path

import torch
from diffusers import SD3Transformer2DModel
from torch import nn
from torch.nn import functional as F

from prep.errors import UsageError
from prep.generators.sd35.load import transformer_pieces
from prep.tensors.fill import linear
from prep.tensors.fp8 import Fp8Linear


class AdalnCache:
    """Replaces a transformer's modulation layers. Call `prepare` before drawing, and again for each prompt pair."""

    def __init__(self, transformer: SD3Transformer2DModel, path: Path, device: torch.device | str = "cpu") -> None:
        """Make it before the transformer goes to its device, which then never holds the layers that it replaces.

        path: the file that the transformer was loaded from; each `prepare` reads the layers from it again.
        device: where the transformer computes.
        """
        self.transformer, self.device = transformer, device
        self.pieces = transformer_pieces(path)[1]
        self.embed = transformer.time_text_embed
        self.dtype = transformer.pos_embed.proj.weight.dtype
        self.kinds = {}  # layer -> whether it was FP8
        for name, norm in _norms(transformer):
            self.kinds[f"{name}.linear"] = isinstance(norm.linear, Fp8Linear)
            norm.silu, norm.linear = _Answers(), nn.Identity()
        transformer.time_text_embed = _Calls()

    @torch.inference_mode()
    def prepare(self, timesteps: torch.Tensor, *pooled: torch.Tensor) -> None:
        """timesteps: [T], from the scheduler. pooled: [rows, width] each, one for every kind of batch to come: the
        prompts with guidance, and for skip-layer guidance also those without the negative ones.

        Forgets everything from an earlier prompt. On the device, it holds one layer at a time.
        """
        norms = list(_norms(self.transformer))
        for _, norm in norms:
            norm.silu.table = None
        timesteps = timesteps.to(self.device)
        batches = [rows.to(self.device, self.dtype) for rows in pooled]
        embed = copy.deepcopy(self.embed).to(self.device)
        embedded = [
            F.silu(embed(step.expand(len(rows)), rows)) for rows in batches for step in timesteps
        ]  # each [rows, width]
        del embed
        for name, norm in norms:
            norm.silu.table = self._outputs(name, embedded)
        self.transformer.time_text_embed.remember(timesteps, batches)

    def _outputs(self, name: str, embedded: list[torch.Tensor]) -> torch.Tensor:
        """embedded: [rows, width] each -> what the layer of this norm answers to them: [all rows, width]."""
        layer = linear(f"{name}.linear", self.pieces, self.dtype, "all" if self.kinds[f"{name}.linear"] else "none")
        layer = layer.to(self.device)
        weight = layer.dense(self.dtype) if isinstance(layer, Fp8Linear) else layer.weight
        return torch.cat([F.linear(rows, weight, layer.bias) for rows in embedded])

    @property
    def bytes(self) -> int:
        """The size of the cached outputs."""
        tables = [norm.silu.table for _, norm in _norms(self.transformer)]
        return sum(table.nbytes for table in tables if table is not None)


class _Calls(nn.Module):
    """Replaces time_text_embed: (timestep [rows], pooled [rows, width]) -> row numbers in the tables, int64."""

    def __init__(self) -> None:
        super().__init__()
        self.timesteps: torch.Tensor | None = None
        self.batches: list[torch.Tensor] = []

    def remember(self, timesteps: torch.Tensor, batches: list[torch.Tensor]) -> None:
        self.timesteps, self.batches = timesteps, batches

    def forward(self, timestep: torch.Tensor, pooled: torch.Tensor) -> torch.Tensor:
        first = 0
        for rows in self.batches:
            if rows.shape == pooled.shape and torch.equal(rows, pooled.to(rows)):
                steps = (self.timesteps == timestep[0]).nonzero()
                if len(steps) and (timestep == timestep[0]).all():
                    start = first + steps[0, 0] * len(rows)
                    return start + torch.arange(len(rows), device=pooled.device)
            first += len(rows) * len(self.timesteps)
        raise UsageError(
            "the adaLN cache was not prepared for this timestep and these prompts",
            hint="prepare it again for each prompt pair, batch and list of steps, or switch it off",
        )


class _Answers(nn.Module):
    """Replaces a norm's SiLU: the requested rows of the table. Its linear passes them on."""

    def __init__(self) -> None:
        super().__init__()
        self.table: torch.Tensor | None = None

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """rows: int64 [rows] -> [rows, width of the modulation]."""
        return self.table.index_select(0, rows)


def _norms(transformer: SD3Transformer2DModel):
    """Yield (name, module) of every modulated norm, the final one last."""
    for index, block in enumerate(transformer.transformer_blocks):
        yield f"transformer_blocks.{index}.norm1", block.norm1
        yield f"transformer_blocks.{index}.norm1_context", block.norm1_context
    yield "norm_out", transformer.norm_out
