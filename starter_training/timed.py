"""Training for so many seconds: a rate that rises and falls, a running average, and the curve that is kept."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

SAY_STEPS = 100


def train_for(
    model: nn.Module,
    optimisers: Sequence[Optimizer],
    batches: Iterator[Any],
    loss_of: Callable[[Any], tuple[Tensor, float]],
    *,
    seconds: float,
    warm_steps: int,
    fall: float,
    average: float,
    latest: Path,
) -> tuple[nn.Module, list]:
    """-> (the running average, the curve: (step, seconds, loss)). The average is also in `latest` every 100 steps.

    optimisers: with the rate that they have at most. loss_of: a batch -> (what is minimised, what is told). fall: from
    1 - 1/fall of the time on, the rate falls to 2 %. average: share of the running average that stays each step.
    """
    groups = [group for optimiser in optimisers for group in optimiser.param_groups]
    rates = [group["lr"] for group in groups]
    trained = [each for group in groups for each in group["params"]]
    mean = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(average))
    began, curve, losses = time.monotonic(), [], []
    for step, batch in enumerate(batches):
        passed = (time.monotonic() - began) / seconds
        if passed >= 1:
            break
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate * min(1, (step + 1) / warm_steps) * min(1, 0.02 + fall * (1 - passed))
        loss, told = loss_of(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
        mean.update_parameters(model)
        losses.append(told)
        if step % SAY_STEPS == SAY_STEPS - 1:
            curve.append((step + 1, round(time.monotonic() - began), round(float(np.mean(losses[-SAY_STEPS:])), 4)))
            print(json.dumps(curve[-1]), flush=True)
            torch.save(mean.module.state_dict(), latest)
    torch.save(mean.module.state_dict(), latest)
    return mean.module, curve
