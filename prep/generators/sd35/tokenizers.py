"""SD3.5's three tokenizers, from a diffusers folder, or from ungated hub repos with the same vocabulary."""

from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from prep.errors import StoppedError, WeightsError

# The stabilityai repos are gated. CLIP-G pads with `!`, as in SD3's own tokenizer_2; T5 v1.1 has T5's vocabulary.
NAMES = {"clip_l": "tokenizer", "clip_g": "tokenizer_2", "t5": "tokenizer_3"}
HUB = {
    "clip_l": ("openai/clip-vit-large-patch14", {}),
    "clip_g": ("openai/clip-vit-large-patch14", {"pad_token": "!"}),
    "t5": ("google-t5/t5-small", {"model_max_length": 512}),
}


def load_tokenizer(name: str, folder: Path | None = None, offline: bool = False) -> PreTrainedTokenizerBase:
    """name: clip_l, clip_g or t5. folder: a diffusers folder; if it has no such tokenizer, the hub's is used, with
    `offline` only from the hub's cache.

    Raises WeightsError when the folder's is not readable, StoppedError when the hub's cannot be fetched.
    """
    own = folder / NAMES[name] if folder else None
    if own and name == "clip_g" and not own.is_dir():
        own = folder / NAMES["clip_l"]  # a small model has one vocabulary for both
    if own and own.is_dir():
        try:
            return AutoTokenizer.from_pretrained(own, local_files_only=True)
        except (OSError, ValueError, ImportError) as error:
            raise WeightsError(f"{own} holds no tokenizer that can be read: {_first_line(error)}") from error
    repo, options = HUB[name]
    try:
        return AutoTokenizer.from_pretrained(repo, token=False, local_files_only=offline, **options)
    except (OSError, ValueError, ImportError) as error:
        raise StoppedError(
            f"SD3.5 needs the tokenizer of {repo}, which is not on this machine: {_first_line(error)}",
            hint=f"run once with a network, or put it into a folder {NAMES[name]}/ beside the model",
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
