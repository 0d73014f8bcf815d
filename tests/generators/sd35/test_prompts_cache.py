import weakref

import pytest
import torch
from diffusers import StableDiffusion3Pipeline
from safetensors.torch import save_file

from prep.generators.sd35 import generator
from prep.generators.sd35.generator import SD35
from prep.generators.sd35.prompts_cache import Encoded, PromptsCache, encode_text
from prep.generators.sd35.schedulers import scheduler
from tests.support import tiny

pytestmark = pytest.mark.usefixtures("one_thread")

TEXTS = ["best, red hair, smile", "", "blurry " * 40, "никто"]


@pytest.fixture(scope="module")
def pipeline():
    return StableDiffusion3Pipeline(
        transformer=tiny.transformer(), scheduler=scheduler("euler", 3.0), vae=None,
        text_encoder=tiny.clip("clip_l"), text_encoder_2=tiny.clip("clip_g"), text_encoder_3=None,
        tokenizer=tiny.tokenizer(), tokenizer_2=tiny.tokenizer(), tokenizer_3=None,
    )  # fmt: skip


def wanted(pipeline, text: str, tokens: int = tiny.TOKENS) -> Encoded:
    with torch.inference_mode():
        hidden, _, pooled, _ = pipeline.encode_prompt(
            text, None, None, do_classifier_free_guidance=False, max_sequence_length=tokens
        )
    return Encoded(hidden, pooled)


def equal(found: Encoded | None, other: Encoded) -> bool:
    return torch.equal(found.hidden, other.hidden) and torch.equal(found.pooled, other.pooled)


def test_what_is_kept_is_the_pipelines_own_to_the_bit(pipeline, tmp_path):
    cache = PromptsCache(tmp_path / "encoded", "a")
    assert cache.encode(TEXTS, lambda: pipeline, tiny.TOKENS) == 4
    for text in TEXTS:
        assert equal(cache.read(text), wanted(pipeline, text))
    assert cache.read(TEXTS[0]).hidden.shape == (1, 2 * tiny.TOKENS, 192)
    assert cache.read(TEXTS[0]).pooled.shape == (1, 192)
    assert len(list((tmp_path / "encoded").iterdir())) == 4
    assert all(len(path.stem) == 16 and path.suffix == ".safetensors" for path in (tmp_path / "encoded").iterdir())


def test_a_negative_prompt_is_encoded_as_any_other(pipeline):
    with torch.inference_mode():
        _, hidden, _, pooled = pipeline.encode_prompt(
            "girl", None, None, negative_prompt="blurry", max_sequence_length=tiny.TOKENS
        )
    assert equal(encode_text(pipeline, "blurry", tiny.TOKENS), Encoded(hidden, pooled))


def test_a_second_time_loads_nothing(pipeline, tmp_path):
    PromptsCache(tmp_path, "a").encode(TEXTS, lambda: pipeline, tiny.TOKENS)
    assert PromptsCache(tmp_path, "a").encode(TEXTS[::-1], lambda: pytest.fail("loaded"), tiny.TOKENS) == 0
    assert PromptsCache(tmp_path, "another encoder").missing(TEXTS) == TEXTS


@pytest.mark.parametrize("how", ["cut", "empty", "zeros", "nan", "other"])
def test_what_is_not_whole_is_encoded_again(how, pipeline, tmp_path):
    cache = PromptsCache(tmp_path, "a")
    cache.encode(TEXTS, lambda: pipeline, tiny.TOKENS)
    path, good = cache.path(TEXTS[0]), cache.read(TEXTS[0])
    if how in ("nan", "other"):
        hidden = torch.full((1, 4, 4), torch.nan) if how == "nan" else good.hidden
        save_file({"hidden": hidden, "pooled": good.pooled}, path, {"identity": "a" if how == "nan" else "b"})
    else:
        data = path.read_bytes()
        path.write_bytes({"cut": data[:-5], "empty": b"", "zeros": bytes(len(data))}[how])
    assert cache.missing(TEXTS) == TEXTS[:1]
    assert cache.encode(TEXTS, lambda: pipeline, tiny.TOKENS) == 1
    assert equal(cache.read(TEXTS[0]), good)


def test_the_generator_encodes_once_and_lets_the_encoders_go(tmp_path, monkeypatch):
    model = tiny.tiny_model(tmp_path)
    loads = []
    own = SD35._encoders

    def counted(self):
        pipeline = own(self)
        loads.append([weakref.ref(pipeline.text_encoder), weakref.ref(pipeline.text_encoder_2)])
        return pipeline

    monkeypatch.setattr(SD35, "_encoders", counted)
    drawing = tiny.generator(model, tmp_path / "encoded", torch.float32)
    drawing.encode(tiny.requests(4), drawing.kept)
    assert [encoder() for encoder in loads[0]] == [None, None]
    drawing.encode(tiny.requests(4), drawing.kept)
    tiny.generator(model, tmp_path / "encoded", torch.float32).encode(tiny.requests(2), tmp_path / "encoded")
    assert len(loads) == 1
    assert len(list((tmp_path / "encoded").iterdir())) == 3  # two prompts, one negative


def test_with_t5_its_tokens_are_the_pipelines_own(tmp_path):
    model = tiny.tiny_model(tmp_path)
    tiny.t5().save_pretrained(tmp_path / "t5")
    tiny.tokenizer().save_pretrained(tmp_path / "tokenizer_3")
    kept_in, t5 = tmp_path / "encoded", {"t5": tmp_path / "t5"}
    drawing = tiny.generator(model, kept_in, torch.float32, t5)
    drawing.encode(tiny.requests(1), kept_in)
    kept = drawing._prompts(tiny.REQUEST, kept_in).read(tiny.REQUEST.prompt)
    assert kept.hidden.shape == (1, tiny.TOKENS + generator.T5_TOKENS, 192)
    with_t5 = drawing._encoders()
    assert equal(kept, wanted(with_t5, tiny.REQUEST.prompt, generator.T5_TOKENS))
    without = tiny.generator(model, kept_in, torch.float32, t5, with_t5=False)
    assert without._prompts(tiny.REQUEST, kept_in).read(tiny.REQUEST.prompt) is None
