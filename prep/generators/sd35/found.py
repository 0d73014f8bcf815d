"""SD3.5's tokenizers, if they are on this machine: for whoever counts tokens and draws nothing."""

from typing import Any

from huggingface_hub import try_to_load_from_cache


def tokenizer_here(name: str) -> Any:
    """name: clip_l or t5 -> the tokenizer in the hub's cache; None: it is not there. Asks no network."""
    from prep.errors import PrepError
    from prep.generators.sd35.tokenizers import HUB, load_tokenizer

    if not isinstance(try_to_load_from_cache(HUB[name][0], "tokenizer.json"), str):
        return None
    try:
        return load_tokenizer(name, offline=True)
    except PrepError:
        return None
