import logging
import shutil
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusion3Pipeline
from safetensors.torch import save_file

from prep.generators.sd35 import generator
from prep.generators.sd35.batches import prompt_of, source_of, texts_of
from prep.generators.sd35.encoding import Encoding
from prep.generators.sd35.family import LARGE
from prep.generators.sd35.generator import SD35
from prep.generators.sd35.prompts_cache import Encoded, PromptsCache
from prep.generators.sd35.schedulers import scheduler
from prep.tensors.fp8 import Fp8Linear
from tests.support import tiny
from tests.support.emulated_card import a_card

pytestmark = pytest.mark.usefixtures("one_thread")

TEXTS = ["best, red hair, smile", "", "blurry " * 40, "никто"]


def pipeline_of(encoders) -> StableDiffusion3Pipeline:
    return StableDiffusion3Pipeline(
        transformer=tiny.transformer(), scheduler=scheduler("euler", 3.0), vae=None,
        text_encoder=encoders[0], text_encoder_2=encoders[1], text_encoder_3=encoders[2],
        tokenizer=tiny.tokenizer(), tokenizer_2=tiny.tokenizer(), tokenizer_3=tiny.tokenizer(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def pipeline():
    return pipeline_of([tiny.clip("clip_l"), tiny.clip("clip_g"), None])


def wanted(pipeline, text: str, tokens: int = tiny.TOKENS) -> Encoded:
    with torch.inference_mode():
        hidden, _, pooled, _ = pipeline.encode_prompt(
            text, None, None, do_classifier_free_guidance=False, max_sequence_length=tokens
        )
    return Encoded(hidden, pooled)


def encoding(pipeline, device="cpu") -> Encoding:
    """One by one, with the pipeline's encoders."""
    own = {"clip_l": pipeline.text_encoder, "clip_g": pipeline.text_encoder_2}
    tokenizers = dict.fromkeys(own, pipeline.tokenizer)
    return Encoding(own.get, tokenizers, torch.device(device), torch.float32, tiny.TOKENS, 192)


def equal(found: Encoded | None, other: Encoded) -> bool:
    return torch.equal(found.hidden, other.hidden) and torch.equal(found.pooled, other.pooled)


def test_what_is_kept_is_the_pipelines_own_to_the_bit(pipeline, tmp_path):
    cache = PromptsCache(tmp_path / "encoded", "a")
    assert cache.encode(TEXTS, encoding(pipeline)) == 4
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
    assert equal(dict(encoding(pipeline)(["blurry"]))["blurry"], Encoded(hidden, pooled))


def test_a_second_time_loads_nothing(pipeline, tmp_path):
    PromptsCache(tmp_path, "a").encode(TEXTS, encoding(pipeline))
    assert PromptsCache(tmp_path, "a").encode(TEXTS[::-1], lambda texts: pytest.fail("loaded")) == 0
    assert PromptsCache(tmp_path, "another encoder").missing(TEXTS) == TEXTS


@pytest.mark.parametrize("how", ["cut", "empty", "zeros", "nan", "other"])
def test_what_is_not_whole_is_encoded_again(how, pipeline, tmp_path):
    cache = PromptsCache(tmp_path, "a")
    cache.encode(TEXTS, encoding(pipeline))
    path, good = cache.path(TEXTS[0]), cache.read(TEXTS[0])
    if how in ("nan", "other"):
        hidden = torch.full((1, 4, 4), torch.nan) if how == "nan" else good.hidden
        save_file({"hidden": hidden, "pooled": good.pooled}, path, {"identity": "a" if how == "nan" else "b"})
    else:
        data = path.read_bytes()
        path.write_bytes({"cut": data[:-5], "empty": b"", "zeros": bytes(len(data))}[how])
    assert cache.missing(TEXTS) == TEXTS[:1]
    assert cache.encode(TEXTS, encoding(pipeline)) == 1
    assert equal(cache.read(TEXTS[0]), good)


def test_the_generator_encodes_once_with_one_encoder_in_memory_at_a_time(tmp_path, monkeypatch):
    model = tiny.tiny_model(tmp_path)
    tiny.t5().save_pretrained(tmp_path / "t5")
    tiny.tokenizer().save_pretrained(tmp_path / "tokenizer_3")
    loads: list[tuple[str, weakref.ref]] = []
    own = SD35._encoder

    def counted(self, name):
        assert [earlier() for _, earlier in loads] == [None] * len(loads)
        found = own(self, name)
        loads.append((name, weakref.ref(found)))
        return found

    monkeypatch.setattr(SD35, "_encoder", counted)
    kept, t5 = tmp_path / "encoded", {"t5": tmp_path / "t5"}
    drawing = tiny.generator(model, kept, torch.float32, t5)
    drawing.encode(tiny.requests(4), kept)
    drawing.encode(tiny.requests(4), kept)
    tiny.generator(model, kept, torch.float32, t5).encode(tiny.requests(2), kept)
    assert [name for name, _ in loads] == ["clip_l", "clip_g", "t5"]
    assert [last() for _, last in loads] == [None] * 3
    assert len(list(kept.iterdir())) == 3  # two prompts, one negative


def test_with_t5_its_tokens_are_the_pipelines_own(tmp_path):
    model = tiny.tiny_model(tmp_path)
    tiny.t5().save_pretrained(tmp_path / "t5")
    tiny.tokenizer().save_pretrained(tmp_path / "tokenizer_3")
    kept_in, t5 = tmp_path / "encoded", {"t5": tmp_path / "t5"}
    drawing = tiny.generator(model, kept_in, torch.float32, t5)
    drawing.encode(tiny.requests(1), kept_in)
    kept = drawing._prompts(tiny.REQUEST, kept_in).read(tiny.REQUEST.prompt)
    assert kept.hidden.shape == (1, tiny.TOKENS + generator.T5_TOKENS, 192)
    encoders = [drawing._encoder(name) for name in ("clip_l", "clip_g", "t5")]
    assert equal(kept, wanted(pipeline_of(encoders), tiny.REQUEST.prompt, generator.T5_TOKENS))
    without = tiny.generator(model, kept_in, torch.float32, t5, with_t5=False)
    assert without._prompts(tiny.REQUEST, kept_in).read(tiny.REQUEST.prompt) is None


def test_t5_reads_the_sentence_and_the_clips_the_tags(tmp_path):
    model, kept = tiny.tiny_model(tmp_path), tmp_path / "encoded"
    tiny.t5().save_pretrained(tmp_path / "t5")
    tiny.tokenizer().save_pretrained(tmp_path / "tokenizer_3")
    drawing = tiny.generator(model, kept, torch.float32, {"t5": tmp_path / "t5"})
    tags, sentence = "red hair, smile", "girl smile forest"
    asked = replace(tiny.REQUEST, prompt=tags, sentence=sentence)
    edit = replace(asked, manner="edit", source=tags, source_sentence="girl blue hair", index=1)
    drawing.encode([asked, edit, replace(asked, sentence=""), replace(asked, prompt=sentence, sentence="")], kept)
    cache, cut = drawing._prompts(asked, kept), tiny.TOKENS
    assert texts_of(edit) == [f"{tags}\n{sentence}", f"{tags}\ngirl blue hair", "blurry"]
    own, plain, long = cache.read(prompt_of(asked)), cache.read(tags), cache.read(sentence)
    assert torch.equal(own.hidden[:, :cut], plain.hidden[:, :cut]) and torch.equal(own.pooled, plain.pooled)
    assert torch.equal(own.hidden[:, cut:], long.hidden[:, cut:])
    assert not torch.equal(own.hidden[:, cut:], plain.hidden[:, cut:])
    assert not torch.equal(cache.read(source_of(edit)).hidden, own.hidden)


def test_texts_without_a_sentence_keep_their_files(tmp_path):
    assert prompt_of(tiny.REQUEST) == tiny.REQUEST.prompt
    assert PromptsCache(tmp_path, "a").path("red hair").name == "03b01cf5285cd561.safetensors"


def test_the_identity_of_prompts_kept_before_stays(model, tmp_path):
    drawing = tiny.generator(model, tmp_path, torch.bfloat16)
    identity = drawing._prompts(tiny.REQUEST, tmp_path).identity
    assert identity == f"{tiny.REQUEST.weights} {drawing.identity} False bf16"
    drawing.card = replace(drawing.card, family=LARGE)
    assert drawing._prompts(tiny.REQUEST, tmp_path).identity == f"{identity} 256 zeros"


def test_a_published_model_without_t5_gets_256_zeros_as_in_its_pipeline(model, tmp_path):
    drawing = tiny.generator(model, tmp_path, torch.float32)
    assert drawing._encoding().tokens == tiny.TOKENS  # a small model, as it was trained
    drawing.card = replace(drawing.card, family=LARGE)
    text = tiny.REQUEST.prompt
    encoders = [drawing._encoder(name) for name in ("clip_l", "clip_g")]
    found = dict(drawing._encoding()([text]))[text]
    assert equal(found, wanted(pipeline_of([*encoders, None]), text, 256))
    assert found.hidden.shape == (1, tiny.TOKENS + 256, 192) and not found.hidden[:, tiny.TOKENS :].any()


@pytest.mark.parametrize("name", ["clip_l", "clip_g", "t5"])
def test_an_encoder_for_which_the_card_has_no_room_works_on_the_cpu(name, model, tmp_path, monkeypatch, caplog):
    tiny.t5().save_pretrained(tmp_path / "t5")
    for folder in ("tokenizer", "tokenizer_3"):
        tiny.tokenizer().save_pretrained(tmp_path / folder)
    alone = shutil.copy(model, tmp_path)
    caplog.set_level(logging.INFO, "prep.generators.sd35")
    kept = {}
    for device in ("cpu", "cuda"):
        with a_card(monkeypatch) as card:
            drawing = tiny.generator(
                Path(alone), tmp_path / device, torch.float32, {"t5": tmp_path / "t5"}, device=device
            )
            own = SD35._encoder

            def fills(self, asked, own=own, card=card):
                card.limit = 1000 if asked == name else None
                return own(self, asked)

            monkeypatch.setattr(SD35, "_encoder", fills)
            drawing.encode(tiny.requests(2), drawing.kept)
            monkeypatch.setattr(SD35, "_encoder", own)
            kept[device] = drawing._prompts(tiny.REQUEST, drawing.kept).read(tiny.REQUEST.prompt)
            assert (card.peak > 0) == (device == "cuda") and card.held == 0
    assert equal(*kept.values())
    said = {"clip_l": "CLIP-L", "clip_g": "CLIP-G", "t5": "T5"}[name]
    (line,) = [line for line in caplog.messages if "no room" in line]
    assert line.startswith(f"generate: the card has no room for {said} (CUDA out of memory.")
    assert line.endswith("): the CPU encodes")


def test_a_t5_of_16_bit_becomes_fp8_where_the_card_is_too_small_for_it(model, tmp_path, monkeypatch):
    tiny.t5().half().save_pretrained(tmp_path / "t5")
    tiny.tokenizer().save_pretrained(tmp_path / "tokenizer_3")
    told = {}
    for total in (8 * 10**9, 10**9):
        with a_card(monkeypatch, total=total):
            drawing = tiny.generator(model, tmp_path, torch.bfloat16, {"t5": tmp_path / "t5"}, device="cuda")
            eight = [part for part in drawing._encoder("t5").modules() if isinstance(part, Fp8Linear)]
            told[total] = bool(eight), drawing.card.precision, drawing._prompts(tiny.REQUEST, tmp_path).identity[-6:]
    assert told == {
        8 * 10**9: (False, "fp8-scaled/bf16/vae-fp16", "e bf16"),
        10**9: (True, "fp8-scaled/bf16/vae-fp16/t5-fp8", "t5-fp8"),
    }
    on_cpu = tiny.generator(model, tmp_path, torch.bfloat16, {"t5": tmp_path / "t5"})
    assert on_cpu.t5_quantise == "stored" and on_cpu.card.precision == "fp8-scaled/bf16"
