"""Memory that runs out, made by hand: so many rows and no more."""

import contextlib
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import SD3Transformer2DModel
from diffusers.models.autoencoders.vae import Decoder
from PIL import Image

from benchmarks.made_up import ROOT
from prep.config import load_settings
from prep.errors import StoppedError
from prep.generators import GENERATORS
from prep.generators.sd35 import pixels
from prep.generators.sd35.adaln import AdalnCache
from prep.generators.sd35.generator import SD35
from prep.generators.sd35.load import load_transformer
from prep.generators.sd35.memory import Level
from prep.generators.sd35.pixels import CPU, Pixels
from prep.generators.sd35.vae import load_vae
from prep.models.choose_models import options_of
from prep.tensors.device import pick_device
from tests.support import tiny
from tests.support.emulated_card import a_card, bytes_of, show_cards
from tests.support.tiny import drawn, requests, same

STARTER = ROOT / "prep" / "starter" / "generator.safetensors"
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


def decoded_only(monkeypatch, fits) -> None:
    """Let the VAE's decoder run out of memory unless fits(self, latents) says that there is enough."""
    own = Decoder.forward

    def forward(self, sample, *more):
        if not fits(self, sample):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return own(self, sample, *more)

    monkeypatch.setattr(Decoder, "forward", forward)


def counted_forwards(monkeypatch) -> list[int]:
    rows = []
    own = SD3Transformer2DModel.forward

    def forward(self, **given):
        rows.append(len(given["timestep"]))
        return own(self, **given)

    monkeypatch.setattr(SD3Transformer2DModel, "forward", forward)
    return rows


def test_a_vae_that_does_not_fit_works_in_tiles_and_nothing_is_denoised_again(model, encoded, monkeypatch, caplog):
    monkeypatch.setattr(pixels, "TILE_PX", 32)
    asked = requests(2)
    wanted = drawn(tiny.generator(model, encoded), asked)
    tiles = []
    decoded_only(monkeypatch, lambda self, latents: max(latents.shape[-2:]) <= 4 and not tiles.append(latents.shape))
    rows = counted_forwards(monkeypatch)
    caplog.set_level(logging.INFO, "prep.generators.sd35")
    drawing = tiny.generator(model, encoded, batch=2)
    found = drawn(drawing, asked)
    assert rows == [1, *[4] * 3]  # the check of the weights, and three steps of two pictures with guidance
    assert len(tiles) == 2 * 3 * 2 and (drawing.notes["tiling"], drawing.notes["batch"]) == (True, 2)
    assert found.keys() == wanted.keys()
    assert caplog.messages == [
        "generate: memory ran out in the VAE (CUDA out of memory): it goes on in tiles, with the same latents"
    ]
    decoded_only(monkeypatch, lambda self, latents: True)
    assert drawing.level.tiling and drawn(drawing, asked).keys() == wanted.keys()  # the level stays


def test_a_decode_that_only_lacked_a_moment_is_the_same_picture(model, encoded, monkeypatch):
    asked, fails = requests(2), [True]
    wanted = drawn(tiny.generator(model, encoded), asked)
    decoded_only(monkeypatch, lambda self, latents: not fails or fails.pop() is None)
    drawing = tiny.generator(model, encoded, batch=2)
    assert same(wanted, drawn(drawing, asked)) and not drawing.notes["tiling"]


def test_a_vae_in_tiles_of_512_px_draws_nearly_the_same(monkeypatch):
    """The starter's, which has learned to draw. diffusers' own tile would be as large as the picture."""
    numbers = np.random.default_rng(5).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    picture = np.array(Image.fromarray(numbers).resize((640, 512), Image.Resampling.BICUBIC))[None]
    calls = []
    own = Decoder.forward
    monkeypatch.setattr(Decoder, "forward", lambda self, *given: calls.append(1) or own(self, *given))
    drawn_as = []
    for tiling in (False, True):
        with torch.inference_mode():
            vae = Pixels(load_vae(STARTER, torch.float32), CPU, torch.float32, Level(1, tiling=tiling))
            if not tiling:
                latents = vae.encode(picture, [torch.Generator().manual_seed(0)])
            drawn_as.append(vae.decode(latents).astype(int))
    assert len(calls) == 1 + 2 * 2 and drawn_as[0].shape == picture.shape
    assert np.abs(drawn_as[0] - drawn_as[1]).mean() < 2 < 10 < drawn_as[0].std()


def test_a_vae_for_which_the_card_has_no_room_works_on_the_cpu(model, encoded, monkeypatch, caplog):
    decoded_only(monkeypatch, lambda self, latents: latents.device.type == "cpu")
    monkeypatch.setattr(pixels, "best_dtype", lambda device: torch.float32)
    asked = requests(2)
    wanted = drawn(tiny.generator(model, encoded, torch.bfloat16), asked)
    caplog.set_level(logging.INFO, "prep.generators.sd35")
    with a_card(monkeypatch) as card:
        drawing = tiny.generator(model, encoded, torch.bfloat16, device="cuda", batch=2)
        found = drawn(drawing, asked)
        assert drawing.notes["tiling"] and drawing.notes["vae_on_cpu"] and drawing.notes["batch"] == 2
        drawing.close()
        assert card.held == 0
    assert max(np.abs(found[key].astype(int) - wanted[key]).max() for key in wanted) <= 25  # bfloat16's own error
    assert [line.split(": it goes on ")[1].split(",")[0] for line in caplog.messages] == ["in tiles", "on the CPU"]


def test_when_nothing_is_left_a_sentence_says_so(model, encoded, monkeypatch):
    with pytest.raises(StoppedError, match="not enough memory for a single picture. Set a smaller"):
        limit(monkeypatch, 1, ERRORS[0])
        drawn(tiny.generator(model, encoded), requests(2))
    monkeypatch.undo()
    decoded_only(monkeypatch, lambda self, latents: False)
    with pytest.raises(StoppedError, match="for the VAE, not even in tiles. Set a smaller"):
        drawn(tiny.generator(model, encoded), requests(1))
    with a_card(monkeypatch), pytest.raises(StoppedError, match="not even in tiles, nor on the CPU. Set a smaller"):
        drawn(tiny.generator(model, encoded, device="cuda"), requests(1))


def test_other_errors_are_not_taken_for_it(model, encoded, monkeypatch):
    limit(monkeypatch, 1, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        drawn(tiny.generator(model, encoded), requests(1))


def test_encoders_that_do_not_fit(model, tmp_path, monkeypatch):
    def full(self, name):
        raise MemoryError

    monkeypatch.setattr(SD35, "_encoder", full)
    says = "not enough memory for the text encoders. Set `generator.sd35.with_t5` to false"
    with pytest.raises(StoppedError, match=says):
        drawn(tiny.generator(model, tmp_path / "encoded"), requests(1))


def ladder(batch: int) -> list[Level]:
    """Every level, as memory runs out in the VAE first, and in denoising each time after."""
    levels = [Level(batch)]
    while levels[-1].batch > 1:
        levels.append(levels[-1].lower(levels[-1].batch, on_card=True))
    levels.append(levels[-1].lower_vae(on_card=True))
    with contextlib.suppress(StoppedError):
        while True:
            levels.append(levels[-1].lower(1, on_card=True))
    return [*levels, levels[-1].lower_vae(on_card=True)]


def test_the_ladder_on_a_card():
    assert [(each.batch, each.tiling, each.offload, each.vae_on_cpu) for each in ladder(4)] == [
        (4, False, "none", False), (2, False, "none", False), (1, False, "none", False), (1, True, "none", False),
        (1, True, "model", False), (1, True, "group", False), (1, True, "group", True),
    ]  # fmt: skip
    with pytest.raises(StoppedError, match="even with weights that are on the card block by block"):
        Level(1, offload="group").lower(1, on_card=True)
    assert Level(4).lower(0, on_card=True) == Level(4, offload="model")  # the weights did not fit: no smaller batch


PRESETS = sorted(path.stem for path in (ROOT / "configs").glob("gpu-*.toml"))


def of_preset(name: str) -> dict:
    """Its options, without what a CPU cannot do."""
    options = options_of("generator", GENERATORS.spec("file"), load_settings(config=ROOT / "configs" / f"{name}.toml"))
    return options.model_dump() | {"device": "cuda", "compile": False, "fp8_products": False}


def counted(monkeypatch, model, encoded, name: str, level: Level | None, limit: int | None = None) -> tuple:
    """(pictures, the level that was reached, {what: (held, peak)} in bytes), of a batch on a card of this size."""
    monkeypatch.setattr(pixels, "TILE_PX", 32)
    options = of_preset(name)
    asked = [replace(each, prompt=requests(1)[0].prompt) for each in requests(options["batch"], steps=1)]
    counts = {}
    with a_card(monkeypatch, limit) as card:
        drawing = tiny.generator(model, encoded, torch.bfloat16, **options)
        drawing.level = level or drawing.level
        decode = Pixels.decode

        def decoding(self, latents):
            note("denoising")
            found = decode(self, latents)
            note("decoding")
            return found

        def note(what: str) -> None:
            counts[what] = card.held, max(card.peak, counts.get(what, (0, 0))[1])
            card.peak = card.held

        monkeypatch.setattr(Pixels, "decode", decoding)
        pictures = drawn(drawing, asked)
        monkeypatch.setattr(Pixels, "decode", decode)
        drawing.close()
        assert card.held == 0
    return pictures, drawing.level, counts


QUICK = [pytest.param(name, marks=() if name == "gpu-8gb" else pytest.mark.slow) for name in PRESETS]


@pytest.mark.parametrize("name", QUICK)
def test_each_level_takes_less_of_a_card_than_the_one_before_and_draws_the_same(name, model, encoded, monkeypatch):
    """Every preset at every level: what is held and the peak, as counted."""
    found, wanted = [], None
    levels = ladder(of_preset(name)["batch"])
    for level in levels:
        pictures, reached, counts = counted(monkeypatch, model, encoded, name, level)
        wanted = wanted or pictures
        assert reached == level and (same(pictures, wanted) or level.tiling)
        found.append(counts)
    whole = [max(peak for _, peak in counts.values()) for counts in found]
    decoding = [counts["decoding"][1] for counts in found]
    assert whole == sorted(whole, reverse=True) and decoding == sorted(decoding, reverse=True), found
    for at in range(1, len(levels)):
        before, level = levels[at - 1], levels[at]
        assert before.offload == level.offload or whole[at] < whole[at - 1]
        same_vae = (before.tiling, before.vae_on_cpu) == (level.tiling, level.vae_on_cpu)
        assert same_vae or decoding[at] < decoding[at - 1]
    assert found[-1]["denoising"][0] < found[0]["denoising"][0] / 5  # only the cache's outputs stay


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_a_card_of_any_size_draws_with_the_first_level_that_fits(name, model, encoded, monkeypatch):
    """Wherever memory runs out, no picture is lost, and nothing is left on the card."""
    levels = ladder(of_preset(name)["batch"])
    for at in (0, -3, -2):
        wanted, _, counts = counted(monkeypatch, model, encoded, name, levels[at])
        most = int(1.01 * max(peak for _, peak in counts.values()))
        pictures, reached, counts = counted(monkeypatch, model, encoded, name, None, limit=most)
        assert pictures.keys() == wanted.keys() and (same(pictures, wanted) or reached.tiling or levels[at].tiling)
        assert max(peak for _, peak in counts.values()) <= most and reached.offload == levels[at].offload


def test_a_card_too_small_for_a_single_block_is_told_so(model, encoded, monkeypatch):
    with pytest.raises(StoppedError, match="single picture, even with weights that are on the card block by block"):
        counted(monkeypatch, model, encoded, "gpu-8gb", None, limit=100_000)


def test_the_layers_that_the_adaln_cache_replaces_never_are_on_the_card_together(model, encoded, monkeypatch):
    peaks = {}
    for cache in (False, True):
        with a_card(monkeypatch) as card:
            drawing = tiny.generator(model, encoded, torch.bfloat16, device="cuda", adaln_cache=cache)
            drawing.open()
            peaks[cache] = card.peak
            drawing.close()
    loaded = load_transformer(model, torch.bfloat16)
    replaced = ("norm1.linear", "norm1_context.linear", "norm_out.linear")
    layers = [bytes_of(part) for name, part in loaded.named_modules() if name.endswith(replaced)]
    saved = sum(layers) - max(layers)
    assert peaks[False] - peaks[True] > 0.8 * saved
    with a_card(monkeypatch) as card:
        cache = AdalnCache(loaded, model, torch.device("cuda", 0))
        cache.prepare(torch.tensor([1000.0, 500.0]), torch.zeros(2, 192))
        embed = bytes_of(cache.embed)
        one = 3 * max(layers)  # a layer in FP8 and in bfloat16
        assert card.held <= 2 * cache.bytes and card.peak < card.held + embed + one


def test_a_card_that_another_program_fills_meanwhile_loses_no_picture(model, encoded, monkeypatch):
    asked = requests(4, steps=1)
    with a_card(monkeypatch) as card:
        drawing = tiny.generator(model, encoded, torch.bfloat16, device="cuda", batch=2)
        wanted = drawn(drawing, asked)
        drawing.close()
        most, found = card.peak, {}
        for number, (key, picture) in enumerate(drawing.draw(asked, tiny.PARENTS, encoded)):
            found[key] = picture
            card.limit = int(most * (0.95 if number < 2 else 0.6))
        assert same(found, wanted) or drawing.level.tiling
        assert drawing.level.offload == "group" and found.keys() == wanted.keys()
        drawing.close()


def test_the_largest_of_several_cards_draws(monkeypatch):
    for sizes, wanted in (([8, 24, 16], 1), ([12, 12], 0), ([6], 0)):
        show_cards(monkeypatch, [(f"{size} GB", size * 10**9) for size in sizes])
        for asked in ("auto", "cuda"):
            assert pick_device(asked) == torch.device("cuda", wanted)
    assert pick_device("cpu") == CPU


def test_a_vae_published_in_float16_stays_so_on_a_card_and_says_so(model, encoded, monkeypatch):
    asked = requests(2)
    exact = drawn(tiny.generator(model, encoded, torch.bfloat16), asked)
    with a_card(monkeypatch):
        drawing = tiny.generator(model, encoded, torch.bfloat16, device="cuda")
        assert drawing.card.precision == "fp8-scaled/bf16/vae-fp16"
        found = drawn(drawing, asked)
        assert drawing.loaded.pixels.vae.dtype == torch.float16
    assert max(np.abs(found[key].astype(int) - exact[key]).max() for key in exact) <= 25


def test_one_that_overflows_decodes_in_more_range(encoded, monkeypatch):
    vae = tiny.vae()
    vae.decoder.conv_in.weight.mul_(3e5)  # norms follow, which bring it back
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        wanted = Pixels(vae, CPU, torch.float32, Level(1)).decode(latents)
        half = Pixels(vae.half(), CPU, torch.float32, Level(1))
        found = half.decode(latents)
        assert half.vae.dtype == torch.float16 and not half.vae.decode(latents.half()).sample.isfinite().all()
    assert np.abs(found.astype(int) - wanted).max() <= 2
