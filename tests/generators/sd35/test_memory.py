"""Memory that runs out, made by hand: so many rows and no more."""

import logging

import pytest
import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel

from prep.errors import StoppedError
from prep.generators.sd35.generator import SD35
from prep.generators.sd35.memory import Level
from tests.support import tiny
from tests.support.tiny import drawn, requests, same

pytestmark = pytest.mark.usefixtures("one_thread")


def limit(monkeypatch, rows: int, error: Exception) -> None:
    own = SD3Transformer2DModel.forward

    def forward(self, **given):
        if len(given["timestep"]) > rows:
            raise error
        return own(self, **given)

    monkeypatch.setattr(SD3Transformer2DModel, "forward", forward)


ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    MemoryError(),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("strength", [None, 0.6])
def test_the_batch_is_halved_and_the_pictures_stay_the_same(error, strength, model, encoded, monkeypatch, caplog):
    asked = requests(4, strength=strength, sampler="euler_a")
    wanted = drawn(tiny.generator(model, encoded, batch=4), asked)
    limit(monkeypatch, 2, error)  # with guidance, a picture
    caplog.set_level(logging.INFO, "prep.generators.sd35")
    drawing = tiny.generator(model, encoded, batch=4)
    assert same(wanted, drawn(drawing, asked))
    assert (drawing.notes["batch"], drawing.notes["tiling"], drawing.notes["offload"]) == (1, False, "none")
    assert drawing.notes["device"] == "cpu"
    lines = caplog.messages
    assert len(lines) == 2 and all(line.startswith("generate: memory ran out (") for line in lines)
    assert len(drawn(drawing, requests(2, index=9))) == 2 and len(caplog.messages) == 2  # the level stays


def test_a_vae_that_does_not_fit_is_tiled(model, encoded, monkeypatch):
    own = AutoencoderKL.decode

    def decode(self, *given, **named):
        if not self.use_tiling:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return own(self, *given, **named)

    asked = requests(2)
    wanted = drawn(tiny.generator(model, encoded), asked)
    monkeypatch.setattr(AutoencoderKL, "decode", decode)
    drawing = tiny.generator(model, encoded, batch=2)
    assert same(wanted, drawn(drawing, asked))  # smaller than a tile
    assert drawing.notes["tiling"] and drawing.notes["batch"] == 1


def test_when_nothing_is_left_a_sentence_says_so(model, encoded, monkeypatch):
    limit(monkeypatch, 1, ERRORS[0])
    with pytest.raises(StoppedError, match="not enough memory for a single picture, even with the VAE in tiles. Set a"):
        drawn(tiny.generator(model, encoded), requests(2))


def test_other_errors_are_not_taken_for_it(model, encoded, monkeypatch):
    limit(monkeypatch, 1, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        drawn(tiny.generator(model, encoded), requests(1))


def test_encoders_that_do_not_fit(model, tmp_path, monkeypatch):
    def full(self):
        raise MemoryError

    monkeypatch.setattr(SD35, "_encoders", full)
    says = "not enough memory for the text encoders. Set `generator.sd35.with_t5` to false"
    with pytest.raises(StoppedError, match=says):
        drawn(tiny.generator(model, tmp_path / "encoded"), requests(1))


def test_the_ladder_on_a_card():
    level = Level(4)
    seen = []
    with pytest.raises(StoppedError, match="and offloaded weights"):
        while True:
            level = level.lower(level.batch, on_card=True)
            seen.append((level.batch, level.tiling, level.offload))
    assert seen == [(2, False, "none"), (1, False, "none"), (1, True, "none"), (1, True, "model"), (1, True, "group")]
