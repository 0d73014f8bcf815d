"""Weights that are on the card only while they work.

They stay where they were loaded, for FP8 in the file's own pages, so that leaving the card copies nothing.
"""

import contextlib
from collections.abc import Iterator

import torch
from diffusers import SD3Transformer2DModel
from torch import nn

TOP = ("pos_embed", "time_text_embed", "context_embedder", "norm_out", "proj_out")


class Visitor:
    """A module with a home, which is where its weights are when this is made."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.home = [
            (held, name, value)
            for part in module.modules()
            for held in (part._parameters, part._buffers)
            for name, value in held.items()
            if value is not None
        ]

    def go(self, device: torch.device, dtype: torch.dtype | None = None) -> None:
        """When memory runs out on the way, everything is at home again."""
        self.leave()
        before = torch.__future__.get_overwrite_module_params_on_conversion()
        # Otherwise torch puts new values into the parameters themselves, and their home would move along.
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        try:
            nn.Module.to(self.module, device, dtype)  # diffusers' own warns of nothing here
        except BaseException:
            self.leave()
            raise
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(before)

    def leave(self) -> None:
        for held, name, value in self.home:
            held[name] = value

    @contextlib.contextmanager
    def at(self, device: torch.device) -> Iterator[None]:
        self.go(device)
        try:
            yield
        finally:
            self.leave()


def place(model: SD3Transformer2DModel, device: torch.device, offload: str) -> contextlib.AbstractContextManager:
    """Let the transformer draw on this device -> what to enter for each batch, any number of times.

    offload: none, the weights stay there; model, they are there for the batch; group, each block while it runs.
    """
    if offload == "none" or device.type == "cpu":
        model.to(device)
        return contextlib.nullcontext()
    if offload == "model":
        return _Batch(model, device)
    for module in (*(getattr(model, name) for name in TOP), *model.transformer_blocks):
        _come_and_go(module, device)
    return contextlib.nullcontext()


class _Batch:
    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self.visitor, self.device = Visitor(model), device

    def __enter__(self) -> None:
        self.visitor.go(self.device)

    def __exit__(self, *error) -> None:
        self.visitor.leave()


def _come_and_go(module: nn.Module, device: torch.device) -> None:
    visitor, forward = Visitor(module), module.forward

    def visiting(*given, **named):
        with visitor.at(device):
            return forward(*given, **named)

    module.forward = visiting
