"""A small instruct model in a folder: a real one of transformers, with random weights, which can say nothing true."""

import json

import pytest

from prep.captioners.llm import Llm, LlmOptions
from prep.config import load_settings
from prep.errors import SettingsError, UsageError, WeightsError
from prep.models.captioners import captioner_of
from prep.models.residency import MEMORY
from prep.types import ToDescribe

WORDS = "<s> </s> <unk> a girl is smiling wearing red dress , . system user : Tags Write one or two sentences".split()
TEMPLATE = "{% for each in messages %}{{ each.role }} : {{ each.content }} {% endfor %}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

    path = tmp_path_factory.mktemp("instruct")
    words = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    fast.chat_template = TEMPLATE
    fast.save_pretrained(path)
    set_seed(1)
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=512, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(path)
    return path


def test_a_model_in_a_folder_writes_or_the_grammar_does(folder):
    ref = captioner_of(load_settings(sets=(f"captioner.model=llm:{folder}",)))
    assert captioner_of(load_settings(sets=(f"captioner.model={folder}",))) == ref and ref.digest
    with MEMORY.lend(ref) as captioner:
        (found,) = captioner.write([ToDescribe(("1girl", "smile", "red_dress"))])
        assert found.text == "A girl is wearing a red dress, and smiling." and found.by == "grammar" and found.why
        assert [*captioner.write([ToDescribe(("1girl", "smile", "red_dress"))])] == [found]


def test_any_file_of_the_folder_makes_it_another_model(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for path in folder.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    config = json.loads((other / "config.json").read_text())
    settings = load_settings(sets=(f"captioner.model={other}",))
    before = captioner_of(settings).digest
    (other / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.5}))
    assert captioner_of(settings).digest != before


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_folder_without_a_model_says_what_is_wanted(folder, tmp_path, missing):
    for path in folder.iterdir():
        if path.name != missing:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(UsageError, match="has no config.json beside safetensors files"):
        captioner_of(load_settings(sets=(f"captioner.model={tmp_path}",)))


def test_a_model_that_answers_no_instructions_is_refused(folder, tmp_path):
    for path in folder.iterdir():
        if path.name != "chat_template.jinja":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    files = {path.name: path for path in sorted(tmp_path.iterdir())}
    with pytest.raises(WeightsError, match="has no chat template"):
        Llm("llm", files, LlmOptions())
    (tmp_path / "config.json").write_text('{"model_type": "no such thing"}')
    with pytest.raises(WeightsError, match="cannot be used"):
        Llm("llm", files, LlmOptions())


def test_a_model_in_a_folder_sees_no_picture(folder):
    files = {path.name: path for path in folder.iterdir()}
    with pytest.raises(SettingsError, match="reads only text"):
        Llm("llm", files, LlmOptions(picture=True))
