import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from prep.errors import StoppedError, WeightsError
from prep.generators.sd35.tokenizers import load_tokenizer


def test_a_folder_with_a_small_vocabulary_of_its_own(tmp_path):
    words = Tokenizer(models.WordLevel({"<pad>": 0, "<unk>": 1, "smile": 2, "red": 3, "hair": 4}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    own = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", model_max_length=6)
    own.save_pretrained(tmp_path / "tokenizer_2")
    found = load_tokenizer("clip_g", tmp_path)
    ids = found("red hair, smile", padding="max_length", truncation=True).input_ids
    assert ids == [3, 4, 1, 2, 0, 0] and found.model_max_length == 6


def test_a_tokenizer_that_is_not_here_is_a_sentence(tmp_path):
    for name, repo in (("clip_l", "openai/clip-vit-large-patch14"), ("t5", "google-t5/t5-small")):
        with pytest.raises(StoppedError, match=f"needs the tokenizer of {repo}, which is not on this machine"):
            load_tokenizer(name, tmp_path, offline=True)


def test_a_folder_that_holds_none_is_a_sentence(tmp_path):
    (tmp_path / "tokenizer").mkdir()
    with pytest.raises(WeightsError, match="holds no tokenizer that can be read"):
        load_tokenizer("clip_l", tmp_path)
