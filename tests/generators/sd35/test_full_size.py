"""SD3.5-large at full size, counted: the same code and levels, with hollow tensors on an emulated card.

Its file is a header of the published shapes over a hole in the disk. What a card holds and its peak are those of
prep/machine/expected.py, from which `prep doctor` and docs/REAL_MODELS.md have them.
"""

import os
import struct
from dataclasses import replace
from math import prod

import pytest
import torch

from benchmarks.card_file import entries_of, header
from prep.config import configs_folder, load_settings
from prep.generators import GENERATORS
from prep.generators.sd35.generator import SD35
from prep.generators.sd35.memory import Level
from prep.generators.sd35.options import SD35Options
from prep.generators.sd35.pixels import Pixels
from prep.generators.sd35.prompts_cache import Encoded, PromptsCache
from prep.machine.expected import ADALN_GB, CUDA_GB, PRESETS
from prep.models.choose_models import options_of
from tests.support.emulated_card import a_card
from tests.support.tiny import REQUEST

pytestmark = pytest.mark.slow
GB = 1e9
STEPS = 2  # the cache's outputs of 26 more are added
SMALL = 1 << 16  # numbers that steps and prompts are compared by stay real


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "sd3.5_large_fp8_scaled.safetensors"
    entries = entries_of("large")
    head = header(entries, {})
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for key, (dtype, shape) in entries.items():
            size = prod(shape) * dtype.itemsize
            if key.endswith("scale_weight"):
                file.write(struct.pack("<f", 1.0))
            else:
                file.seek(size, os.SEEK_CUR)
        file.truncate()
    return path


def counted(monkeypatch, large, kept, config: str, level: Level | None = None) -> dict[str, float]:
    """GB on the card: held once its weights are there, and the most while denoising and decoding a batch."""
    spec = GENERATORS.spec("sd35-large-fp8")
    given = options_of("generator", spec, load_settings(config=configs_folder() / config)).model_dump()
    options = SD35Options(**given | {"device": "cuda", "compile": False, "fp8_products": False, "offline": True})
    found = {}
    with a_card(monkeypatch, hollow_from=SMALL) as card:
        drawing = SD35(spec.name, {"model": large}, options, torch.bfloat16)
        drawing.level = level or drawing.level
        asked = replace(REQUEST, width=1024, height=1024, steps=STEPS, guidance=4.5)
        encode_nothing(drawing._prompts(asked, kept), asked)
        decode = Pixels.decode

        def decoding(self, latents):
            found["denoising"], found["held"], card.peak = card.peak / GB, card.held / GB, card.held
            pixels = decode(self, latents)
            found["decoding"] = card.peak / GB
            return pixels

        monkeypatch.setattr(Pixels, "decode", decoding)
        dict(drawing.draw([replace(asked, index=at) for at in range(drawing.level.batch)], {}, kept))
        monkeypatch.setattr(Pixels, "decode", decode)
        drawing.close()
    outputs = ADALN_GB * drawing.level.batch * (28 - STEPS) / 28 if options.adaln_cache else 0
    return {what: most + outputs for what, most in found.items()}


def encode_nothing(prompts: PromptsCache, asked) -> None:
    """Prompts as the encoders would leave them, of zeros but for one number that tells them apart."""
    prompts.folder.mkdir(exist_ok=True)
    for text in (asked.prompt, asked.negative):
        pooled = torch.zeros(1, 2048).bfloat16()
        pooled[0, 0] = len(text)
        prompts._keep(text, Encoded(torch.zeros(1, 333, 4096).bfloat16(), pooled))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.config)
def test_a_preset_takes_what_the_doctor_says(preset, large, tmp_path, monkeypatch):
    found = counted(monkeypatch, large, tmp_path / "prompts", preset.config)
    assert abs(found["held"] + CUDA_GB - preset.held_gb) < 0.1, found
    assert abs(max(found["denoising"], found["decoding"]) + CUDA_GB - preset.peak_gb) < 0.1, found


def test_the_levels_on_an_8_gb_card(large, tmp_path, monkeypatch):
    """With the adaLN cache: half a gigabyte is enough for the weights when they come block by block."""
    peaks = []
    for level in (Level(1), Level(1, tiling=True), Level(1, True, "model"), Level(1, True, "group")):
        found = counted(monkeypatch, large, tmp_path / "prompts", "gpu-8gb.toml", level)
        peaks.append(round(max(found["denoising"], found["decoding"]), 1))
    assert peaks == [7.4, 6.4, 6.2, 0.8]
    assert abs(peaks[1] + CUDA_GB - PRESETS[-1].tiled_gb) < 0.1
