"""What a person can get wrong ends in a sentence that says what to do."""

import json
import logging

import pytest
import torch

from prep.errors import SettingsError, StoppedError, WeightsError
from prep.generators.sd35 import files
from tests.support import tiny
from tests.support.reference import save, stored_tensors

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def model(tmp_path):
    return tiny.tiny_model(tmp_path)


def without(model, prefix: str):
    tensors = {key: value for key, value in stored_tensors(model).items() if not key.startswith(prefix)}
    return save(tensors, model.with_name("less.safetensors"), {"prep.sampling": tiny_sampling()})


def tiny_sampling() -> str:
    return json.dumps(tiny.SAMPLING)


@pytest.mark.parametrize(
    ("prefix", "says"),
    [
        (
            "first_stage_model.",
            "holds no VAE, and no file for it is set. .*--set generator.sd35.vae=FILE",
        ),
        ("text_encoders.clip_l.", "holds no CLIP-L, .*generator.sd35.clip_l=FILE"),
        ("text_encoders.", "holds no CLIP-L, .*generator.sd35.clip_l=FILE"),
        ("model.diffusion_model.", "holds no transformer, but vae, clip_l, clip_g"),
    ],
)
def test_a_part_that_is_nowhere(prefix, says, model, tmp_path):
    with pytest.raises(WeightsError, match=says):
        tiny.generator(without(model, prefix), tmp_path / "encoded")


def test_parts_of_their_own_take_its_place(model, tmp_path):
    bare = without(model, "text_encoders.")
    clips = {"clip_l": model, "clip_g": model}
    whole, joined = tiny.generator(model, tmp_path / "a"), tiny.generator(bare, tmp_path / "b", parts=clips)
    asked = tiny.requests(1)
    assert tiny.same(tiny.drawn(whole, asked), tiny.drawn(joined, asked))
    vae = save({"decoder.conv_in.weight": torch.zeros(4, 4, 3, 3)}, tmp_path / "vae.safetensors")
    says = r"vae.safetensors holds no T5, but vae. Set `generator.sd35.t5` to another file"
    with pytest.raises(WeightsError, match=says):
        tiny.generator(model, tmp_path / "c", parts={"t5": vae})
    with pytest.raises(WeightsError, match="gone.safetensors cannot be read"):
        tiny.generator(model, tmp_path / "c", parts={"vae": tmp_path / "gone.safetensors"})


def test_sd35_itself_wants_its_t5_unless_told_otherwise(model):
    says = "holds no T5, .*generator.sd35.t5=FILE`, or set `generator.sd35.with_t5` to false"
    with pytest.raises(WeightsError, match=says):
        files.Files(model).check(with_t5=True)
    assert files.Files(model).check(with_t5=False) == {"transformer", "vae", "clip_l", "clip_g"}


def test_a_truncated_file(model, tmp_path):
    data = model.read_bytes()
    model.write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError, match="is cut off.*Fetch the file again"):
        tiny.generator(model, tmp_path / "encoded")


def test_no_tokenizer_and_no_network(model, tmp_path):
    (model.parent / "tokenizer").rename(tmp_path / "elsewhere")
    drawing = tiny.generator(model, tmp_path / "encoded", offline=True)
    with pytest.raises(StoppedError, match="needs the tokenizer of openai/.*Run once with a network"):
        tiny.drawn(drawing, tiny.requests(1))


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a card")
def test_what_needs_a_card(model, tmp_path, caplog):
    with pytest.raises(SettingsError, match="torch sees no such device"):
        tiny.generator(model, tmp_path, device="cuda")
    with pytest.raises(SettingsError, match="moves weights to a GPU and back, but there is no GPU. On a CPU leave it"):
        tiny.generator(model, tmp_path, offload="model")
    caplog.set_level(logging.INFO, "prep.generators.sd35")
    drawing = tiny.generator(model, tmp_path / "encoded", offload="group", fp8_products=True)
    assert drawing.notes["offload"] == "none" and not drawing.notes["fp8_products"]
    lines = caplog.messages
    assert lines[0] == "generate: no FP8 products here (a CPU has none): FP8 saves memory, not time"
    assert "offload = group does nothing on a CPU" in lines[1]


def test_numbers_that_are_not_finite(model, tmp_path):
    drawing = tiny.generator(model, tmp_path / "encoded")
    drawing.encode(tiny.requests(1), drawing.kept)
    drawing.open()
    drawing.loaded.pipeline.transformer.proj_out.bias.fill_(torch.inf)
    with pytest.raises(StoppedError, match="not finite, in fp8-scaled/"):
        tiny.drawn(drawing, tiny.requests(1))
