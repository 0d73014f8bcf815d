import pytest
import torch

from prep.errors import SettingsError
from prep.generators.sd35.schedulers import SAMPLERS, scheduler

GOAL = torch.linspace(-1, 1, 32).reshape(1, 2, 4, 4)


def seeded(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def follow(steps, x: torch.Tensor, begin: int = 0, times=None) -> torch.Tensor:
    """Solve the flow of a model that knows the goal: its velocity is (x - goal) / sigma."""
    for time in steps.timesteps[begin:] if times is None else times:
        velocity = (x - GOAL) / (time / 1000)
        x = steps.step(velocity, time, x, return_dict=False)[0]
    return x


@pytest.mark.parametrize("shift", [1.0, 3.0])
@pytest.mark.parametrize("name", SAMPLERS)
def test_each_sampler_arrives_where_the_model_points(name, shift):
    steps = scheduler(name, shift, seeded(1, 2))
    steps.set_timesteps(12)
    found = follow(steps, torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(0)))
    assert (found - GOAL).abs().max() < 1e-4


@pytest.mark.parametrize("name", SAMPLERS)
def test_each_sampler_may_begin_in_the_middle(name):
    """As StableDiffusion3Img2ImgPipeline begins: noise is put on at the first time that is left."""
    steps = scheduler(name, 3.0, seeded(1, 2))
    steps.set_timesteps(10)
    begin = 4 * steps.order
    steps.set_begin_index(begin)
    noise, times = torch.randn(2, 2, 4, 4), steps.timesteps[begin:]
    noisy = steps.scale_noise(GOAL.expand(2, -1, -1, -1), times[:1].repeat(2), noise)
    sigma = times[0] / 1000
    assert torch.allclose(noisy, sigma * noise + (1 - sigma) * GOAL, atol=1e-5)
    assert (follow(steps, noisy, times=times) - GOAL).abs().max() < 1e-4


def test_euler_a_draws_its_noise_from_each_pictures_own_generator():
    def run(*seeds: int, x: torch.Tensor) -> torch.Tensor:
        steps = scheduler("euler_a", 3.0, seeded(*seeds))
        steps.set_timesteps(6)
        for time in steps.timesteps[:-1]:
            x = steps.step(x * 0.1, time, x, return_dict=False)[0]
        return x

    x = torch.randn(3, 2, 4, 4)
    together = run(5, 6, 7, x=x)
    assert torch.equal(together, run(5, 6, 7, x=x))
    for at, seed in enumerate((5, 6, 7)):
        assert torch.equal(together[at : at + 1], run(seed, x=x[at : at + 1]))
    assert not torch.equal(together, run(5, 6, 8, x=x))


def test_dpm_asks_the_model_at_its_own_times():
    steps = scheduler("dpmpp_2m", 3.0)
    steps.set_timesteps(7)
    assert torch.equal(steps.timesteps, steps.sigmas[:-1] * 1000)
    assert (steps.timesteps % 1 != 0).any()


@pytest.mark.parametrize(("name", "close"), [("euler_b", "euler_a"), ("dpmpp-2m", "dpmpp_2m"), ("Heun", "heun")])
def test_an_unknown_sampler_is_told_with_the_nearest(name, close):
    with pytest.raises(
        SettingsError, match=f"is not a sampler for SD3.5; known ones are euler, .*Did you mean `{close}`"
    ):
        scheduler(name, 3.0)
    with pytest.raises(SettingsError, match="not a sampler for SD3.5"):
        scheduler("", 3.0)
