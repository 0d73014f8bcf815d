"""FlowEdit (arXiv 2412.08629): a picture is changed by the difference of two flows, and by no noise that stays in it.

Each step adds new noise to the parent and asks twice where it would go: from the parent with a prompt for what it
shows, and from the edited picture, under the same noise, with a prompt for what it should show. The edited picture
moves by the difference, so that what both prompts say alike stays as it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from prep.generators.sd35.schedulers import scheduler
from prep.process.steps import step


@dataclass(frozen=True)
class Prompts:
    """One per picture. hidden: [B, tokens, width]; pooled: [B, width]."""

    hidden: torch.Tensor
    pooled: torch.Tensor


@dataclass(frozen=True)
class Flow:
    """Prompts of one call of the transformer: all negative ones, then all others, as it takes them.

    hidden: [2N, tokens, width]; pooled: [2N, width]; guidance: float32 [N, 1, 1, 1].
    """

    hidden: torch.Tensor
    pooled: torch.Tensor
    guidance: torch.Tensor

    def velocity(self, transformer: Callable, latents: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """latents: float32 [N, C, h, w]; time: [] -> float32 [N, C, h, w]."""
        rows = torch.cat([latents, latents]).to(self.hidden.dtype)
        found = transformer(
            hidden_states=rows,
            timestep=time.expand(len(rows)),
            encoder_hidden_states=self.hidden,
            pooled_projections=self.pooled,
            return_dict=False,
        )[0]
        away, toward = found.float().chunk(2)
        return away + self.guidance * (toward - away)


def flows(
    source: Prompts, target: Prompts, negative: Prompts, guidances: tuple[float, float], split: bool
) -> list[Flow]:
    """The calls of a step: one for both, or one each when memory is short.

    guidances: of the source and of the target.
    """
    sides = [(source, guidances[0]), (target, guidances[1])]
    return [_flow(part, negative) for part in ([[side] for side in sides] if split else [sides])]


def schedule(strength: float, steps: int, shift: float, device: torch.device) -> tuple[torch.Tensor, list[float]]:
    """(times [n], sigmas, n + 1 of them) of the last round(strength · steps) of Euler's steps, at least one."""
    euler = scheduler("euler", shift)
    euler.set_timesteps(steps)
    count = max(1, round(strength * steps))
    return euler.timesteps[-count:].to(device), euler.sigmas[-count - 1 :].tolist()


def edited(
    transformer: Callable, parents: torch.Tensor, times: torch.Tensor, sigmas: Sequence[float],
    calls: Sequence[Flow], generators: Sequence[torch.Generator],
) -> torch.Tensor:  # fmt: skip
    """parents: latents [B, C, h, w]; generators: one per picture, on the CPU -> float32 [B, C, h, w]."""
    parents = parents.float()
    found = parents.clone()
    for at, (time, sigma, next_sigma) in enumerate(zip(times, sigmas[:-1], sigmas[1:], strict=True)):
        noise = torch.cat([torch.randn(1, *parents.shape[1:], generator=own) for own in generators])
        from_source = (1 - sigma) * parents + sigma * noise.to(parents.device)
        both = torch.cat([from_source, found + from_source - parents])
        parts = zip(calls, both.chunk(len(calls)), strict=True)
        source, target = torch.cat([call.velocity(transformer, part, time) for call, part in parts]).chunk(2)
        found = found + (next_sigma - sigma) * (target - source)
        step(at + 1, len(times))
    return found


def _flow(sides: Sequence[tuple[Prompts, float]], negative: Prompts) -> Flow:
    prompts = [*[negative] * len(sides), *(side for side, _ in sides)]
    hidden, pooled = (torch.cat([getattr(each, name) for each in prompts]) for name in ("hidden", "pooled"))
    guidance = torch.tensor([guidance for _, guidance in sides], device=hidden.device)
    return Flow(hidden, pooled, guidance.repeat_interleave(len(negative.pooled)).view(-1, 1, 1, 1))
