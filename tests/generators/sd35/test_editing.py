"""Edits with a whole SD3.5 of some hundred thousand parameters."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import SD3Transformer2DModel

from prep.errors import PrepError, SettingsError, UsageError
from prep.generators.sd35.adaln import AdalnCache
from prep.generators.sd35.batches import prompt_of, source_of
from prep.generators.sd35.loaded import Loaded
from prep.generators.sd35.memory import Level
from prep.generators.sd35.schedulers import scheduler
from prep.images import covering
from tests.support import tiny
from tests.support.emulated_card import a_card
from tests.support.tiny import PARENTS, drawn, requests, same

pytestmark = pytest.mark.usefixtures("one_thread")
EDIT = dict(manner="edit", strength=0.7, source="girl, red hair", source_guidance=2.0, guidance=4.0)


def edits(count: int = 4, **changes):
    return requests(count, **{**EDIT, **changes})


def by_the_paper(drawing, request) -> np.ndarray:
    """FlowEdit as it is published, one row per call of diffusers' transformer; float32."""
    loaded, prompts = drawing.loaded, drawing._prompts(request, drawing.kept)
    model, own = loaded.pipeline.transformer, torch.Generator().manual_seed(request.seed)
    source, target, negative = map(prompts.read, (source_of(request), prompt_of(request), request.negative))
    parent = covering(PARENTS[request.parent], request.width, request.height)
    euler = scheduler("euler", drawing.card.family.shift)
    euler.set_timesteps(request.steps)
    first = request.steps - round(request.strength * request.steps)

    def velocity(latents, time, text, guidance):
        away, toward = (
            model(
                latents, encoder_hidden_states=each.hidden, pooled_projections=each.pooled, timestep=time[None]
            ).sample
            for each in (negative, text)
        )
        return away + guidance * (toward - away)

    loaded.by_picture.pictures = 1
    with torch.inference_mode():
        x = loaded.pixels.encode(parent[None], [own])
        z = x.clone()
        for step in range(first, request.steps):
            sigma, after, time = euler.sigmas[step], euler.sigmas[step + 1], euler.timesteps[step]
            noisy = (1 - sigma) * x + sigma * torch.randn(x.shape, generator=own)
            toward = velocity(z + noisy - x, time, target, request.guidance)
            z = z + (after - sigma) * (toward - velocity(noisy, time, source, request.source_guidance))
        return loaded.pixels.decode(z)[0]


@pytest.mark.parametrize("strength", [0.4, 0.7, 1.0])
def test_an_edit_is_the_published_loop(strength, model, encoded):
    drawing = tiny.generator(model, encoded, torch.float32, batch=4)
    asked = edits(2, strength=strength)
    for request, found in zip(asked, drawn(drawing, asked).values(), strict=True):
        apart = np.abs(found.astype(int) - by_the_paper(drawing, request))
        assert apart.max() <= 1 and (apart > 0).mean() < 0.001  # rows alone and in pairs differ in the last bit


@pytest.mark.parametrize("dtype", [pytest.param(torch.float32, marks=pytest.mark.slow), torch.bfloat16])
def test_an_edit_is_the_same_to_the_bit_in_any_batch_split_or_cached(dtype, model, encoded):
    asked = edits(4)
    found = drawn(tiny.generator(model, encoded, dtype, batch=4), asked)
    assert len({pixels.tobytes() for pixels in found.values()}) == 4
    assert same(found, drawn(tiny.generator(model, encoded, dtype, batch=1), asked[::-1]))
    for batch, cached in ((4, False), (4, True), (1, True)):
        split = tiny.generator(model, encoded, dtype, batch=batch, adaln_cache=cached)
        split.level = replace(split.level, split=True)
        assert same(found, drawn(split, asked))
    assert same(found, drawn(tiny.generator(model, encoded, dtype, batch=4, adaln_cache=True), asked))


def test_an_edit_to_what_the_parent_shows_is_the_parent(model, encoded):
    drawing = tiny.generator(model, encoded, torch.float32)
    (request,) = edits(1, source="best, red hair, smile", guidance=4.0, source_guidance=4.0)
    found = drawn(drawing, [request])[request.key]
    parent = covering(PARENTS[request.parent], request.width, request.height)
    with torch.inference_mode():
        latents = drawing.loaded.pixels.encode(parent[None], [torch.Generator().manual_seed(request.seed)])
        assert np.abs(found.astype(int) - drawing.loaded.pixels.decode(latents)[0]).max() <= 1
    (other,) = edits(1, source="best, red hair, smile", guidance=4.0, source_guidance=2.0)
    assert np.abs(drawn(drawing, [other])[other.key].astype(int) - found).mean() > 1


def test_source_and_its_guidance_are_part_of_the_picture(model, encoded):
    asked = [
        *edits(1), *edits(1, source="forest"), *edits(1, source_guidance=3.0), *edits(1, guidance=5.0),
        *edits(1, strength=1.0), *edits(1, negative="smile"), *requests(1, strength=0.7, guidance=4.0),
    ]  # fmt: skip
    found = drawn(tiny.generator(model, encoded, batch=4), asked)
    assert len({pixels.tobytes() for pixels in found.values()}) == len(asked)


def test_only_alike_edits_share_a_batch(model, encoded, monkeypatch):
    sizes = []
    own = Loaded.draw
    monkeypatch.setattr(Loaded, "draw", lambda self, part, *more: sizes.append(len(part)) or own(self, part, *more))
    asked = [
        *edits(3), *edits(2, source="forest"), *edits(1, source_guidance=3.0), *requests(2, strength=0.7, guidance=4.0)
    ]  # fmt: skip
    drawn(tiny.generator(model, encoded, batch=4), asked)
    assert sorted(sizes) == [1, 1, 2, 4]
    sizes.clear()
    drawn(tiny.generator(model, encoded, batch=4, adaln_cache=True), [*edits(2), *edits(2, source="forest")])
    assert sorted(sizes) == [1] * 4  # by all three prompts


def test_the_cache_is_filled_once_for_source_target_and_negative(model, encoded, monkeypatch):
    times = []
    own = AdalnCache.prepare
    counted = lambda self, steps, *pooled: times.append((len(steps), len(pooled))) or own(self, steps, *pooled)  # noqa: E731
    monkeypatch.setattr(AdalnCache, "prepare", counted)
    asked = edits(2, prompt="smile")
    drawn(tiny.generator(model, encoded, batch=2, adaln_cache=True), asked)
    assert times[1:] == [(2, 2)]  # the first is the check of the weights


def test_short_of_memory_the_flows_go_one_by_one_before_batches_are_halved(model, encoded, monkeypatch, caplog):
    asked = edits(4)
    wanted = drawn(tiny.generator(model, encoded, batch=4), asked)
    rows, own = [], SD3Transformer2DModel.forward

    def forward(self, **given):
        if len(given["timestep"]) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        rows.append(len(given["timestep"]))
        return own(self, **given)

    monkeypatch.setattr(SD3Transformer2DModel, "forward", forward)
    caplog.set_level(logging.INFO, "prep.generators.sd35")
    for most, batch, count in ((16, 4, 2), (8, 4, 4), (2, 1, 16)):
        rows.clear()
        drawing = tiny.generator(model, encoded, batch=4)
        assert same(wanted, drawn(drawing, asked))
        assert (drawing.notes["batch"], drawing.notes["split"]) == (batch, most < 16)
        assert rows[1:] == [most] * count
    assert Level(4).lower(4, on_card=True, edits=True) == Level(4, split=True)
    assert Level(4).lower(0, on_card=True, edits=True) == Level(4, offload="model")  # the weights did not fit


def test_an_edit_on_a_card_is_the_same_wherever_its_weights_wait(model, encoded, monkeypatch):
    (asked,) = edits(1, steps=2)
    on_the_cpu = drawn(tiny.generator(model, encoded, torch.bfloat16, batch=1), [asked])[asked.key].astype(int)
    found = []
    with a_card(monkeypatch) as card:
        for offload, cached in (("none", False), ("model", False), ("group", True)):
            options = dict(device="cuda", offload=offload, batch=1, adaln_cache=cached)
            drawing = tiny.generator(model, encoded, torch.bfloat16, **options)
            drawing.level = replace(drawing.level, split=True)
            found.append(drawn(drawing, [asked])[asked.key])
            drawing.close()
        assert card.held == 0
    assert all(np.array_equal(each, found[0]) for each in found)
    assert np.abs(found[0] - on_the_cpu).max() <= 25  # bfloat16's own error, and its VAE's


def test_compiled_blocks_edit_as_well(model, encoded, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda forward: compiled.append(1) or forward)
    monkeypatch.setattr("prep.generators.sd35.generator.LEAST_STEPS", 3)
    found = drawn(tiny.generator(model, encoded, compile=True), edits(2))
    assert len(compiled) == 3 and same(found, drawn(tiny.generator(model, encoded), edits(2)))


@pytest.mark.parametrize(
    ("changes", "kind", "says"),
    [
        (dict(strength=1.2), SettingsError, "strength: 1.2 is not above 0 and at most 1"),
        (dict(strength=0.0), SettingsError, "strength: 0.0 is not above 0"),
        (dict(strength=None, parent="a"), UsageError, "is an edit without a strength. Above 0, and at most 1"),
        (dict(source=""), UsageError, "is an edit without a source prompt. `source` says what its parent shows"),
        (dict(source_guidance=0.5), UsageError, "is an edit whose source_guidance is 0.5. 1 or more"),
        (dict(sampler="heun"), UsageError, "is an edit with the sampler heun. Edits need euler"),
        (dict(guidance=1.0), SettingsError, "1.0 is too little for an edit, which needs more than 1. Use a model with"),
        (dict(parent="z"), UsageError, "is drawn from was not given"),
    ],
)
def test_an_edit_that_cannot_be_drawn_is_refused_before_anything_loads(changes, kind, says, model, encoded):
    drawing = tiny.generator(model, encoded)
    with pytest.raises(kind, match=says) as told:
        drawn(drawing, [*edits(1), *edits(1, **changes)])
    assert isinstance(told.value, PrepError) and drawing.loaded is None
