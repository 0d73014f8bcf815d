"""The starter generator's vocabulary: one token a tag, so that its text encoders can be small.

A prompt is split at its commas; a word that is not in here is `<unk>`. The end token has the highest number: SD3's CLIP
takes its pooled answer from there.
"""

from starter_training import art

QUALITY = ("masterpiece", "best quality", "official art", "extremely detailed CG")
NEGATIVE = ("low quality", "worst quality", "blurry", "cropped", "text", "watermark", "signature")
LENGTH = 40  # tokens of a prompt, begin and end among them; CLIP's own is 77


def words() -> list[str]:
    """In the order of their numbers."""
    tags = [tag.replace("_", " ") for tag in art.vocabulary() if not tag.startswith("rating:")]
    return ["<pad>", "<start>", "<unk>", *map(str.lower, (*QUALITY, *NEGATIVE)), *tags, "<end>"]


def make_tokenizer():
    """transformers' own class over a list of words; the same on every call."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    numbers = {word: number for number, word in enumerate(words())}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace("_", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s*,\s*"), "removed")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[(word, numbers[word]) for word in ("<start>", "<end>")]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=LENGTH,
        pad_token="<pad>",
        bos_token="<start>",
        eos_token="<end>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    )
