"""A tiny SD3.5 on the device against the same on a CPU. Wrong devices and dtypes show here within seconds.

Differences are in levels of 255, the largest over all pixels of all pictures.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch._dynamo

from benchmarks.card_run import Run
from prep.generators.sd35.compiling import LEAST_STEPS
from prep.types import GenerationRequest
from tests.support.tiny import drawn, generator, requests, tiny_model

SAMPLERS = ("euler", "euler_a", "heun", "dpmpp_2m")
Pictures = dict[str, np.ndarray]  # a request's key -> uint8 [H, W, 3]


def small(run: Run) -> None:
    with tempfile.TemporaryDirectory() as name, exact_convolutions():
        model, encoded = tiny_model(Path(name)), Path(name) / "encoded"
        samplers(run, model, encoded)
        draw = partial(pictures, model, encoded)
        asked = [*requests(3), *requests(2, strength=0.6)]
        compare(run, partial(draw, asked, torch.float32), ways_in_float32(run))
        compare(run, partial(draw, asked, torch.bfloat16), ways_in_bfloat16(run))


def pictures(model: Path, encoded: Path, asked: list[GenerationRequest], dtype: torch.dtype, **settings) -> Pictures:
    drawing = generator(model, encoded, dtype, **{"batch": 4, **settings})
    drawing.steps_to_come = LEAST_STEPS
    found = drawn(drawing, asked)
    drawing.close()
    return found


def samplers(run: Run, model: Path, encoded: Path) -> None:
    """Every sampler, from text and from a picture, against the CPU."""
    here, on_cpu = (generator(model, encoded, torch.float32, device=each, batch=4) for each in (run.device, "cpu"))
    for sampler in SAMPLERS:
        for strength in (None, 0.6):
            asked = requests(3, sampler=sampler, strength=strength)
            off = levels_off(drawn(here, asked), drawn(on_cpu, asked))
            run.say(sampler=sampler, strength=strength, levels_off_the_cpu=off)
    here.close()
    on_cpu.close()


def ways_in_float32(run: Run) -> dict[str, dict]:
    ways = {"adaLN cache": dict(adaln_cache=True), "one by one": dict(batch=1)}
    if run.cuda:
        ways |= {"offload model": dict(offload="model"), "offload group": dict(offload="group")}
    if run.compile_tiny:
        ways |= {"compiled": dict(compile=True), "compiled, adaLN cache": dict(compile=True, adaln_cache=True)}
    return ways


def ways_in_bfloat16(run: Run) -> dict[str, dict]:
    ways = {"FP8 products": dict(fp8_products=True), "products, adaLN cache": dict(fp8_products=True, adaln_cache=True)}
    if run.cuda:
        ways["offload group, bf16"] = dict(offload="group")
    return ways


def compare(run: Run, draw: Callable[..., Pictures], ways: dict[str, dict]) -> None:
    """Every way against the plain one on the same device. When one fails, the others are still tried."""
    plain = draw(device=run.device)
    for name, settings in ways.items():
        torch._dynamo.reset()  # or it would compile one function for all ways, and give up beyond 8 graphs
        try:
            run.say(way=name, levels_off_plain=levels_off(draw(device=run.device, **settings), plain))
        except Exception as error:
            run.fail(error, way=name)


def levels_off(found: Pictures, wanted: Pictures) -> int:
    return max(int(np.abs(found[key].astype(int) - wanted[key].astype(int)).max()) for key in wanted)


@contextlib.contextmanager
def exact_convolutions() -> Iterator[None]:
    """float32 that is float32: TF32's ten bits would be the difference to the CPU."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
