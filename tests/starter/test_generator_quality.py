"""The shipped starter generator holds what its card says, on a small fixed sample. Reads the art in examples/."""

import json

import pytest
import torch

from prep.generators.sd35.generator import SD35
from prep.generators.sd35.header import describe
from prep.generators.sd35.options import SD35Options
from prep.options import TaggerOptions
from prep.taggers.deepdanbooru import DeepDanbooru
from starter_training import evaluate_generator, words
from starter_training.small import SIZES
from starter_training.train_generator import GENERATOR
from starter_training.train_tagger import TAGGER


@pytest.fixture(scope="module")
def generator():
    return SD35("starter-generator", {"model": GENERATOR}, SD35Options())


@pytest.fixture(scope="module")
def tagger():
    return DeepDanbooru("starter-tagger", {"model": TAGGER}, TaggerOptions(device="cpu"))


def test_the_file_is_small_and_its_linears_are_in_scaled_fp8():
    tokenizer = sum(path.stat().st_size for path in (GENERATOR.parent / "tokenizer").iterdir())
    assert GENERATOR.stat().st_size + tokenizer <= 16_000_000
    parts = describe(GENERATOR).parts
    assert set(parts) == {"transformer", "vae", "clip_l", "clip_g"}
    stored = parts["transformer"].tensors
    eight = [name for name, tensor in stored.items() if tensor.entry.dtype == "F8_E4M3"]
    assert len(eight) > 50 and all(name.endswith((".weight", "scaled_fp8")) for name in eight)


def test_its_words_are_the_taggers(generator, tagger):
    tokenizer = words.make_tokenizer()
    assert generator.card.family.resolution_px == 160 and generator.card.steps == 16
    names = [tag for tag in tagger.vocabulary.names if not tag.startswith("rating:")]
    unknown = tokenizer.convert_tokens_to_ids("<unk>")
    assert all(unknown not in tokenizer(name.replace("_", " "))["input_ids"] for name in names)


@pytest.mark.slow
def test_what_is_asked_is_read_back_also_where_it_was_never_shown(generator, tagger, tmp_path):
    asked = evaluate_generator.requests(generator, 16, False) + evaluate_generator.requests(generator, 8, True)
    assert {(request.width, request.height) for request in asked} <= set(SIZES)
    with torch.inference_mode():
        pictures = dict(generator.draw(asked, {}, tmp_path / "prompts"))
    generator.close()
    report = evaluate_generator.read_back(tagger, asked, pictures)
    assert report["recall"] >= 0.8, json.dumps(report)
    never_shown = evaluate_generator.read_back(tagger, asked[16:], pictures)
    assert never_shown["recall"] >= 0.75, json.dumps(never_shown)
