"""A transformer that draws a picture in a batch bit-identically to drawing it alone: on a CPU, picture by picture.

Matrix kernels, vectorised functions and the split between threads may differ in the last bit with the number of rows:
8 rows differ from the same rows alone by up to 3e-6 in float32, .03 in bfloat16. So each top-level module of the
transformer runs picture by picture (one row, or two with guidance), for all pictures before the next module: every
kernel sees what it sees in a batch of 1.

The cost: a batch is hardly faster than its pictures one by one, except that FP8 weights are converted to the compute
dtype once per module for all of them. They are kept for that time: 0.43 GB for a block of large. A batch of 1 costs
nothing. Small shapes lose most: a step of 4 guided pictures at 128 px in the starter's shape, on one busy thread, took
96 ms where a plain batch took 56 in bfloat16, 128 where it took 106 in float32.
"""

from collections.abc import Callable

import torch
from diffusers import SD3Transformer2DModel

from prep.tensors.fp8 import Fp8Linear

TOP = ("pos_embed", "time_text_embed", "context_embedder", "norm_out", "proj_out")


class ByPicture:
    """Set how many pictures are in the batch, then call the transformer as usual.

    Rows come as the pipeline stacks them: all pictures without their prompts, then all with them.
    """

    def __init__(self, transformer: SD3Transformer2DModel, keep: bool = True) -> None:
        """keep: FP8 weights stay dense while the pictures pass. Make it last, after any adaLN cache."""
        self.pictures = 1
        for module in (*(getattr(transformer, name) for name in TOP), *transformer.transformer_blocks):
            eight = [part for part in module.modules() if isinstance(part, Fp8Linear)] if keep else []
            module.forward = self._in_turn(module.forward, eight)

    def _in_turn(self, forward: Callable, eight: list[Fp8Linear]) -> Callable:
        """eight: the FP8 linears in the module."""

        def by_picture(*given, **named):
            if self.pictures == 1:
                return forward(*given, **named)
            for layer in eight:
                layer.keep(True)
            try:
                answers = [forward(*self._of(at, given), **self._of(at, named)) for at in range(self.pictures)]
            finally:
                for layer in eight:
                    layer.keep(False)
            if isinstance(answers[0], torch.Tensor):
                return _stacked(answers)
            return tuple(_stacked(parts) for parts in zip(*answers, strict=True))

        return by_picture

    def _of(self, at: int, given):
        """The arguments of one picture, copied: memory of its own is aligned as kernels prefer."""
        if isinstance(given, dict):
            return dict(zip(given, self._of(at, tuple(given.values())), strict=True))
        tensors = (isinstance(value, torch.Tensor) for value in given)
        pairs = zip(given, tensors, strict=True)
        return tuple(value[at :: self.pictures].contiguous() if tensor else value for value, tensor in pairs)


def _stacked(answers) -> torch.Tensor | None:
    """[rows of a picture, ...] of each picture -> [rows, ...], in the pipeline's order. The last block gives None."""
    return None if answers[0] is None else torch.stack(list(answers), dim=1).flatten(0, 1)
