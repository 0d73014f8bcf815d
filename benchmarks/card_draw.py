"""SD3.5-large as prep draws with it: the prompts, seconds per step, and each preset under the memory of its card."""

import contextlib
import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch._dynamo
import torch._dynamo.utils

from benchmarks.card_file import weights
from benchmarks.card_run import Run
from benchmarks.made_up import GB, ROOT
from prep.config import load_settings
from prep.generators import GENERATORS
from prep.generators.sd35.compiling import LEAST_STEPS
from prep.generators.sd35.generator import SD35
from prep.generators.sd35.options import SD35Options
from prep.models.choose_models import options_of
from prep.types import GenerationRequest
from tests.support.tiny import REQUEST

SIDE_PX = {"large": 1024, "tiny": 64}
STEPS = {"large": 28, "tiny": 4}  # of a whole picture; 28 as SD3.5-large's model card says
FEW_AND_MANY = {"large": (3, 9), "tiny": (1, 2)}  # steps of the two runs whose difference is that of steps alone
STRENGTH = 0.6
DRIVER_BYTES = 0.6e9  # what the driver holds of a card before torch asks for any
PLAN_SECONDS = 15  # of one preset in memory(), by estimate
CARDS_GB = {"gpu-8gb": 8, "gpu-12gb": 12, "gpu-16gb": 16, "gpu-24gb": 24}  # configs/<name>.toml


def generator(run: Run, **settings) -> SD35:
    path = weights(run.folder, run.size, run.device)
    options = SD35Options(**{**settings, "device": run.device, "offline": True})
    name = "sd35-large-fp8" if run.size == "large" else path.stem
    drawing = SD35(name, {"model": path}, options, torch.bfloat16)
    drawing.steps_to_come = LEAST_STEPS  # or a run as short as this would not be compiled
    return drawing


@contextlib.contextmanager
def told() -> Iterator[list[str]]:
    """What the generator logs meanwhile."""
    lines: list[str] = []
    log, handler = logging.getLogger("prep.generators"), logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        log.setLevel(before)
        log.removeHandler(handler)


def preset(name: str) -> dict:
    """The generator's options of configs/<name>.toml."""
    settings = load_settings(config=ROOT / "configs" / f"{name}.toml")
    return options_of("generator", GENERATORS.spec("sd35-large-fp8"), settings).model_dump()


def prompts(run: Run) -> Path:
    """The folder of the run's encoded prompts."""
    return run.folder / "prompts"


def requests(
    run: Run, count: int, steps: int, strength: float | None = None, prompt: str = REQUEST.prompt
) -> list[GenerationRequest]:
    side, parent = SIDE_PX[run.size], "parent" if strength else None
    manner = dict(width=side, height=side, steps=steps, guidance=4.5, strength=strength, parent=parent, prompt=prompt)
    return [replace(REQUEST, index=index, **manner) for index in range(count)]


def seconds_to_draw(run: Run, drawing: SD35, asked: list[GenerationRequest], kept: Path | None = None) -> float:
    """kept: the folder of encoded prompts, where it is not the run's own."""
    side = SIDE_PX[run.size]
    parent = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    found: list[np.ndarray] = []
    pictures = drawing.draw(asked, {"parent": parent}, kept or prompts(run))
    seconds = run.seconds_of(lambda: found.extend(pixels for _, pixels in pictures))
    if [pixels.shape for pixels in found] != [(side, side, 3)] * len(asked):
        raise ValueError(f"{len(asked)} pictures of {side} px were asked for, {[each.shape for each in found]} drawn")
    return seconds


def encode(run: Run) -> None:
    """Three prompts and one negative, through all text encoders."""
    drawing = generator(run)
    texts = (REQUEST.prompt, "girl, red hair", "girl, forest")
    asked = [requests(run, 1, 1, prompt=text)[0] for text in texts]
    seconds = run.seconds_of(lambda: drawing.encode(asked, prompts(run)))
    run.say(prompts=len(texts) + 1, encode_s=round(seconds, 1), with_t5="t5" in drawing.parts, **run.peak())
    drawing.close()


def draw(run: Run, batches: tuple[int, ...] = (1,), whole: bool = False, **settings) -> None:
    """How long it takes with these settings. whole: also whole pictures, from text and from a picture."""
    compiled = settings.get("compile", False)
    if compiled and run.size == "tiny" and not run.compile_tiny:
        run.skip("compiling takes longer than all else of a tiny run; --compile-tiny does it")
        return
    torch._dynamo.reset()  # or it would compile one function for all sections, and give up beyond 8 graphs
    torch._dynamo.utils.counters.clear()
    with told() as lines:
        drawing = generator(run, **{**settings, "batch": max(batches)})
        load_s = run.seconds_of(drawing.open)
    held = {"held_gb": round(torch.cuda.memory_allocated() / GB, 2)} if run.cuda else {}
    run.say(load_s=round(load_s, 1), **held, precision=drawing.card.precision, lines=lines)
    for batch in batches:
        found = pace(run, drawing, batch)
        if compiled:
            found |= dynamo()
        run.say(batch=batch, level=drawing.level.notes, **found)
    if whole:
        for strength in (None, STRENGTH):
            seconds = seconds_to_draw(run, drawing, requests(run, 1, STEPS[run.size], strength))
            run.say(batch=1, steps=STEPS[run.size], strength=strength, whole_picture_s=round(seconds, 2))
    drawing.close()


def pace(run: Run, drawing: SD35, batch: int) -> dict:
    """Seconds per step, from the difference of two runs, and what a batch costs besides."""
    warm_s = seconds_to_draw(run, drawing, requests(run, batch, 2))  # compiles, and chooses kernels
    run.clean()
    few, many = FEW_AND_MANY[run.size]
    few_s, many_s = (seconds_to_draw(run, drawing, requests(run, batch, steps)) for steps in (few, many))
    step_s = (many_s - few_s) / (many - few)
    besides_s = few_s - few * step_s
    return {
        "warm_s": round(warm_s, 1),
        "step_s": round(step_s, 4),
        "besides_s": round(besides_s, 2),
        "steps": STEPS[run.size],
        "picture_s": round((STEPS[run.size] * step_s + besides_s) / batch, 2),
        **run.peak(),
    }


def dynamo() -> dict:
    """What the compiler counted: graphs, breaks, and compiling anew."""
    counters, kinds = torch._dynamo.utils.counters, ("stats", "recompiles", "graph_break")
    return {"dynamo": {kind: dict(counters[kind]) for kind in kinds if counters[kind]}}


def memory(run: Run) -> None:
    """Each preset under the memory of its card. Not compiled: that takes less memory, and much time."""
    plans = {name: (gb, preset(name)) for name, gb in CARDS_GB.items()}
    for label, (gb, settings) in plans.items():
        if not run.has(PLAN_SECONDS):
            run.skip("there is no time left for it", plan=label)
            continue
        run.clean()
        with only(run, gb * 2**30 - DRIVER_BYTES):
            try:
                try_plan(run, label, {**settings, "compile": False})
            except Exception as error:
                run.fail(error, plan=label)


def try_plan(run: Run, label: str, settings: dict) -> None:
    """Encode and draw, from nothing."""
    fresh = run.folder / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    with told() as lines, contextlib.closing(generator(run, **settings)) as drawing:
        drawing.encode(requests(run, 1, 1), fresh)
        encoding = run.peak()
        run.clean()
        seconds = seconds_to_draw(run, drawing, requests(run, settings["batch"], FEW_AND_MANY[run.size][0]), fresh)
        run.say(plan=label, level=drawing.level.notes, lines=lines, draw_s=round(seconds, 1), encoding=encoding,
                drawing=run.peak())  # fmt: skip


@contextlib.contextmanager
def only(run: Run, free_bytes: float) -> Iterator[None]:
    """The card, as if it had no more memory than that."""
    if not run.cuda:
        yield
        return
    share = free_bytes / torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, share))
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
