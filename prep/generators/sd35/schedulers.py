"""The samplers that work with SD3.5, under their usual names. Others run, but draw garbage.

`euler_a` and `dpmpp_2m` are small subclasses: diffusers passes no generators to the first, and its second rounds the
timesteps and has no img2img for flow models.
"""

import difflib
import warnings
from collections.abc import Callable, Sequence

import torch
from diffusers import DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler

from prep.errors import SettingsError
from prep.generators.sd35.family import SAMPLERS


class StochasticEuler(FlowMatchEulerDiscreteScheduler):
    """Each step goes to the predicted picture and back up with new noise from the pictures' own generators."""

    generators: Sequence[torch.Generator] = ()  # one per picture, in the order of the batch, on the CPU

    def step(self, model_output, timestep, sample, *args, generator=None, **options):
        """sample: [B, C, h, w]. Noise is drawn picture by picture: the same in any batch."""
        own = list(self.generators) or generator
        return super().step(model_output, timestep, sample, *args, generator=own, **options)


class FlowDpm(DPMSolverMultistepScheduler):
    """DPM-Solver++ of second order on flow sigmas, with the methods that StableDiffusion3Img2ImgPipeline needs."""

    def set_timesteps(self, *args, **options) -> None:
        """The model gets exactly sigma · 1000 as timestep; diffusers truncates it to an integer."""
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # diffusers passes tensors to numpy 2 in a deprecated way
            super().set_timesteps(*args, **options)
        times = self.sigmas[:-1] * self.config.num_train_timesteps
        self.timesteps = times.to(self.timesteps.device)

    def scale_noise(self, sample: torch.Tensor, timestep: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """sample, noise: [B, C, h, w]; timestep: [B] -> (1 - sigma) · sample + sigma · noise."""
        return self.add_noise(sample, noise, timestep)


def _dpmpp_2m(shift: float) -> FlowDpm:
    return FlowDpm(
        algorithm_type="dpmsolver++",
        solver_order=2,
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=shift,
    )


MAKERS: dict[str, Callable[[float], object]] = {
    "euler": lambda shift: FlowMatchEulerDiscreteScheduler(shift=shift),
    "euler_a": lambda shift: StochasticEuler(shift=shift, stochastic_sampling=True),
    "heun": lambda shift: FlowMatchHeunDiscreteScheduler(shift=shift),  # runs the model twice per step
    "dpmpp_2m": _dpmpp_2m,
}


def scheduler(name: str, shift: float, generators: Sequence[torch.Generator] = ()):
    """A new scheduler. shift: of the sigmas, 3 for SD3.5. generators: one per picture, for samplers that draw noise.

    Raises SettingsError for a name that is not in the list.
    """
    if name not in SAMPLERS:
        close = difflib.get_close_matches(name, SAMPLERS, 1, cutoff=0.3)
        hint = f"did you mean `{close[0]}`" if close else ""
        known = ", ".join(SAMPLERS)
        raise SettingsError(f"generator.sampler: {name} is not a sampler for SD3.5; known ones are {known}", hint=hint)
    made = MAKERS[name](shift)
    if isinstance(made, StochasticEuler):
        made.generators = tuple(generators)
    return made
