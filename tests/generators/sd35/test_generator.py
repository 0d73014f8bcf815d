"""Drawing with a whole SD3.5 of some hundred thousand parameters."""

import itertools
import json
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import SD3Transformer2DModel, StableDiffusion3Img2ImgPipeline, StableDiffusion3Pipeline

from prep.errors import SettingsError, UsageError
from prep.generators import GENERATORS
from prep.generators.sd35 import generator
from prep.generators.sd35.card import SD35Card
from prep.generators.sd35.compiling import LEAST_STEPS
from prep.generators.sd35.family import SAMPLERS
from prep.generators.sd35.generator import SD35
from prep.generators.sd35.load import load_transformer
from prep.generators.sd35.loaded import Loaded
from prep.generators.sd35.options import SD35Options
from prep.generators.sd35.schedulers import scheduler
from prep.generators.sd35.vae import load_vae
from prep.images import covering
from prep.models.choose import by_path
from prep.models.choose_models import ref_of
from prep.tensors.fp8 import Fp8Linear
from tests.support import tiny
from tests.support.tiny import PARENTS, drawn, requests, same

DTYPES = [torch.float32, torch.bfloat16]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("strength", [None, 0.6])
@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_picture_is_the_same_to_the_bit_in_any_batch(dtype, sampler, strength, model, encoded):
    asked = requests(4, sampler=sampler, strength=strength)
    found = drawn(tiny.generator(model, encoded, dtype, batch=4), asked)
    assert [pixels.shape for pixels in found.values()] == [(64, 48, 3)] * 4
    assert all(pixels.dtype == np.uint8 and pixels.std() > 5 for pixels in found.values())
    assert len({pixels.tobytes() for pixels in found.values()}) == 4
    alone = tiny.generator(model, encoded, dtype, batch=1)
    assert same(found, drawn(alone, asked))
    assert same({asked[2].key: found[asked[2].key]}, drawn(alone, [asked[2]]))
    cached = tiny.generator(model, encoded, dtype, batch=4, adaln_cache=True)
    assert same(found, drawn(cached, asked[::-1]))


def test_two_threads_and_an_odd_batch_change_nothing(model, encoded):
    torch.set_num_threads(2)
    asked = requests(5, width=80, height=48, guidance=4.5)
    found = drawn(tiny.generator(model, encoded, torch.bfloat16, batch=3), asked)
    assert same(found, drawn(tiny.generator(model, encoded, torch.bfloat16, batch=1), asked))
    torch.set_num_threads(1)


def test_the_pipelines_draw_the_same(model, encoded):
    """In float32, against diffusers' own calls of one picture: the same prompts, noise, steps and VAE."""
    drawing = tiny.generator(model, encoded, torch.float32, batch=4)
    transformer, vae = load_transformer(model, torch.float32), load_vae(model, torch.float32)
    own = StableDiffusion3Pipeline(
        transformer=transformer, vae=vae, scheduler=scheduler("euler", 2.0), text_encoder=drawing._encoder("clip_l"),
        text_encoder_2=drawing._encoder("clip_g"), text_encoder_3=None, tokenizer=tiny.tokenizer(),
        tokenizer_2=tiny.tokenizer(), tokenizer_3=None,
    )  # fmt: skip
    own.set_progress_bar_config(disable=True)
    over = StableDiffusion3Img2ImgPipeline(**own.components)
    over.set_progress_bar_config(disable=True)
    for strength in (None, 0.6):
        asked = requests(2, strength=strength)
        found = drawn(drawing, asked)
        for request in asked:
            how = dict(
                prompt=request.prompt, negative_prompt=request.negative, num_inference_steps=3, guidance_scale=3.0,
                width=48, height=64, generator=torch.Generator().manual_seed(request.seed), output_type="np",
                max_sequence_length=tiny.TOKENS,
            )  # fmt: skip
            if strength is None:
                picture = own(**how).images[0]
            else:
                parent = covering(PARENTS[request.parent], 48, 64)[None].astype(np.float32) / 255
                picture = over(image=parent, strength=strength, **how).images[0]
            apart = np.abs(found[request.key].astype(int) - (picture * 255).round().astype(int))
            assert apart.max() <= 1 and (apart > 0).mean() < 0.001


def test_drawing_only_the_rest_gives_the_same_pictures(model, encoded):
    asked = [*requests(3), *requests(2, strength=0.5), *requests(2, sampler="euler_a")]
    whole = drawn(tiny.generator(model, encoded, batch=4), asked)
    first = tiny.generator(model, encoded, batch=4)
    begun = dict(itertools.islice(first.draw(asked, PARENTS, encoded), 2))  # cut off within a batch
    rest = [request for request in asked if request.key not in begun]
    assert same(whole, begun | drawn(tiny.generator(model, encoded, batch=2), rest))


def test_only_alike_requests_share_a_batch(model, encoded, monkeypatch):
    shapes = []
    own = Loaded.draw
    monkeypatch.setattr(Loaded, "draw", lambda self, part, *more: shapes.append(len(part)) or own(self, part, *more))
    asked = [
        *requests(5), *requests(1, width=64), *requests(1, steps=2), *requests(1, guidance=2.0),
        *requests(1, sampler="heun"), *requests(1, strength=0.6), *requests(1, strength=0.7),
    ]  # fmt: skip
    assert len(drawn(tiny.generator(model, encoded, batch=4), asked)) == 11
    assert sorted(shapes) == [1] * 7 + [4]
    shapes.clear()
    drawn(tiny.generator(model, encoded, batch=4, adaln_cache=True), requests(5))
    assert sorted(shapes) == [2, 3]  # by prompt


def test_without_guidance_there_is_no_negative_prompt(model, tmp_path, monkeypatch):
    rows = []
    own = SD3Transformer2DModel.forward

    def forward(self, **given):
        rows.append(len(given["timestep"]))
        return own(self, **given)

    monkeypatch.setattr(SD3Transformer2DModel, "forward", forward)
    found = drawn(tiny.generator(model, tmp_path / "new", batch=4), requests(2, guidance=1.0, steps=1))
    assert rows == [1, 2]  # the first is the check of the weights
    assert len(list((tmp_path / "new").iterdir())) == 2
    other = requests(2, guidance=1.0, steps=1, negative="smile")
    assert [*found.values()][0].shape == (64, 48, 3) and other[0].key not in found


def test_skip_layer_guidance_is_for_text_alone_and_the_same_with_the_cache(model, encoded):
    def with_skips(**settings) -> SD35:
        drawing = tiny.generator(model, encoded, batch=2, **settings)
        family = replace(drawing.card.family, skip_layers=(1,), skip_start=0.0, skip_stop=1.0)
        drawing.card = replace(drawing.card, family=family)
        return drawing

    asked, over = requests(2), requests(2, strength=0.6)
    plain = drawn(tiny.generator(model, encoded, batch=2), [*asked, *over])
    found = drawn(with_skips(), [*asked, *over])
    assert all(not np.array_equal(found[request.key], plain[request.key]) for request in asked)
    assert all(np.array_equal(found[request.key], plain[request.key]) for request in over)
    assert same(found, drawn(with_skips(adaln_cache=True), [*asked, *over]))


def test_sixteen_bits_and_fp8_draw_alike_and_say_what_they_are(tmp_path, encoded):
    model = tiny.tiny_model(tmp_path, eight=False)
    told = {}
    for quantise in ("stored", "all", "blocks", "none"):
        drawing = tiny.generator(model, encoded, torch.float32, quantise=quantise)
        drawing.open()
        parts = drawing.loaded.pipeline.transformer.named_modules()
        eight = [name for name, part in parts if isinstance(part, Fp8Linear)]
        told[quantise] = drawing.card.precision, len(eight) > 0, any("norm1" in name for name in eight)
    assert told == {
        "stored": ("bf16/fp32", False, False),
        "all": ("fp8-rows/fp32", True, True),
        "blocks": ("fp8-rows-blocks/fp32", True, False),
        "none": ("bf16/fp32", False, False),
    }


def test_a_name_that_says_fp8_is_not_drawn_with_in_16_bit(tmp_path, encoded):
    files, given = {"model": tiny.tiny_model(tmp_path, eight=False)}, SD35Options(device="cpu")
    name = "sd35-large-turbo-fp8"
    named = SD35(name, files, given, torch.float32)
    named.open()
    assert named.card.precision == "fp8-rows/fp32"
    assert isinstance(named.loaded.pipeline.transformer.proj_out, Fp8Linear)
    asked = given.model_copy(update={"quantise": "none"})
    assert SD35(name, files, asked, torch.float32).card.precision == "bf16/fp32"
    assert SD35("my-fp8", files, given, torch.float32).card.precision == "bf16/fp32"  # a name that is nobody's


def test_a_size_that_cannot_be_drawn_is_told_before_the_encoders_load(model, tmp_path, monkeypatch):
    monkeypatch.setattr(SD35, "_encoder", lambda self, name: pytest.fail("the encoders were loaded"))
    with pytest.raises(SettingsError, match="at most 256 px a side, not 1024 x 64. Set a smaller `generator.resolu"):
        tiny.generator(model, tmp_path).encode(requests(1, width=1024), tmp_path)


def test_fp8_as_stored_and_brought_to_16_bit_are_the_same_picture(model, encoded):
    asked = requests(2)
    stored, none = (tiny.generator(model, encoded, torch.bfloat16, quantise=how) for how in ("stored", "none"))
    assert stored.card.precision == none.card.precision == "fp8-scaled/bf16"
    assert same(drawn(stored, asked), drawn(none, asked))


def test_it_is_cheap_to_make_and_lets_go(model, encoded):
    drawing = tiny.generator(model, encoded)
    assert drawing.loaded is None and (drawing.card.steps, drawing.card.guidance) == (3, 3.0)
    assert drawing.card.name == "tiny" and drawing.card.family.name == "tiny"
    assert drawing.card.size(700, 1100) == (48, 80)
    drawn(drawing, requests(1))
    pipeline = drawing.loaded.pipeline
    parts = [weakref.ref(pipeline.transformer), weakref.ref(pipeline.vae)]
    del pipeline
    drawing.close()
    assert [part() for part in parts] == [None, None]
    assert drawn(drawing, requests(1))


def test_a_resolution_of_ones_own(model, encoded):
    assert tiny.generator(model, encoded, resolution=128).card.size(1, 1) == (128, 128)


def test_a_diffusers_folder_draws_as_the_single_file(tmp_path, encoded):
    model = tiny.tiny_model(tmp_path, eight=False)
    folder = tmp_path / "folder"
    drawing = tiny.generator(model, encoded, torch.float32)
    drawing.open()
    transformer = load_transformer(model, torch.float32)
    transformer.save_pretrained(folder / "transformer")
    from safetensors.torch import load_file, save_file

    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    save_file(
        load_file(weights),
        weights,
        {"format": "pt", "prep.sampling": json.dumps(tiny.SAMPLING)},
    )
    load_vae(model, torch.float32).save_pretrained(folder / "vae")
    drawing._encoder("clip_l").save_pretrained(folder / "text_encoder")
    drawing._encoder("clip_g").save_pretrained(folder / "text_encoder_2")
    tiny.tokenizer().save_pretrained(folder / "tokenizer")
    asked = requests(2)
    config = folder / "text_encoder" / "config.json"
    assert config.exists()
    weights = by_path("generator", GENERATORS.spec("file"), folder)
    own = SD35(weights.name, weights.files, SD35Options(device="cpu"), torch.float32)
    assert own.card.precision == "fp32/fp32" and own.card.name == "folder"
    own.files = replace(own.files, clip_l=model, clip_g=model)
    assert same(drawn(own, asked, tmp_path / "own"), drawn(drawing, asked))


def test_the_registry_makes_it(model):
    options = SD35Options(device="cpu", vae=str(model), offline=True)
    made = ref_of(by_path("generator", GENERATORS.spec("file"), model), options).make()
    assert isinstance(made, SD35) and isinstance(made.card, SD35Card) and made.card.samplers == SAMPLERS
    assert made.card.name == "tiny" and made.files.vae == model and made.options.offline


def test_each_block_is_handed_to_the_compiler_and_nothing_else(model, encoded, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda forward: compiled.append(1) or forward)
    monkeypatch.setattr(generator, "LEAST_STEPS", 6)
    asked = requests(2)
    assert same(
        drawn(tiny.generator(model, encoded, compile=True), asked), drawn(tiny.generator(model, encoded), asked)
    )
    assert len(compiled) == 3
    assert torch._dynamo.config.recompile_limit >= 64  # sizes, batches and kinds of blocks


def test_a_run_too_short_for_it_to_pay_is_not_compiled(model, encoded, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda forward: pytest.fail("it was compiled"))
    drawing = tiny.generator(model, encoded, compile=True)
    drawn(drawing, requests(1))
    assert not drawing.notes["compile"]
    drawing.encode([replace(requests(1)[0], steps=28, index=at) for at in range(10)], encoded)  # of the whole run
    assert drawing.steps_to_come == LEAST_STEPS == 280


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (dict(width=50), "divisible by 16. The nearest size is 48 x 64"),
        (dict(width=1024), "draws at most 256 px a side, not 1024 x 64"),
        (dict(strength=1.5), "strength: 1.5 is not above 0 and at most 1"),
        (dict(strength=0.0), "strength: 0.0 is not above 0"),
        (dict(steps=0), "steps: 0 draws nothing"),
    ],
)
def test_what_cannot_be_drawn_is_told_before_anything_loads(changes, says, model, encoded):
    drawing = tiny.generator(model, encoded)
    with pytest.raises(SettingsError, match=says):
        drawn(drawing, [*requests(1), *requests(1, **changes)])
    with pytest.raises(SettingsError, match="not a sampler"):
        drawn(drawing, requests(1, sampler="ddim"))
    with pytest.raises(UsageError, match="was not given"):
        list(drawing.draw(requests(1, strength=0.5), {}, encoded))
    assert drawing.loaded is None
