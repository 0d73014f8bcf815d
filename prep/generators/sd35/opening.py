"""SD3.5 as it draws: its parts read from their files and put where they belong.

Apart from generator.py, since diffusers and transformers take seconds to import, and a run that draws nothing new needs
neither.
"""

from collections.abc import Callable, Sequence

import torch
from transformers import PreTrainedModel

from prep.generators.sd35.adaln import AdalnCache
from prep.generators.sd35.card import SD35Card
from prep.generators.sd35.compiling import compile_blocks
from prep.generators.sd35.encoding import Encoding
from prep.generators.sd35.files import Files
from prep.generators.sd35.load import check_transformer, load_transformer
from prep.generators.sd35.loaded import Loaded
from prep.generators.sd35.memory import Level
from prep.generators.sd35.pixels import Pixels
from prep.generators.sd35.products import use_products
from prep.generators.sd35.rows import ByPicture
from prep.generators.sd35.tokenizers import load_tokenizer
from prep.generators.sd35.vae import load_vae
from prep.generators.sd35.visiting import place
from prep.tensors.fill import Quantise


def opened(
    files: Files, card: SD35Card, device: torch.device, dtypes: tuple[torch.dtype, torch.dtype], quantise: Quantise,
    level: Level, *, caches: bool, products: str, compiles: bool,
) -> Loaded:  # fmt: skip
    """Transformer and VAE on the device. dtypes: of the transformer's arithmetic, and of the VAE. caches: whether there
    is an adaLN cache. products: a way to multiply in FP8, or empty. Raises WeightsError.
    """
    dtype, vae_dtype = dtypes
    model = load_transformer(files.model, dtype, quantise)
    # Before the transformer goes to the card: the layers that the cache replaces are a third of it.
    cache = AdalnCache(model, files.model, device) if caches else None
    on_the_device = place(model, device, level.offload)
    check_transformer(model, device, on_the_device, cache and cache.prepare)
    if products:
        use_products(model, products)
    if compiles:
        compile_blocks(model)
    by_picture = ByPicture(model, keep=not compiles) if device.type == "cpu" else None
    pixels = Pixels(load_vae(files.vae or files.model, vae_dtype), device, dtype, level)
    return Loaded(card, model, pixels, dtype, on_the_device, cache, by_picture)


def encoding(
    files: Files, names: Sequence[str], load: Callable[[str], PreTrainedModel], device: torch.device,
    dtype: torch.dtype, width: int, tokens: int | None, offline: bool,
) -> Encoding:  # fmt: skip
    """names: of the encoders that `load` loads. width: of the joint attention. tokens: length of T5's part; None: that
    of CLIP-L's. Raises what a tokenizer that cannot be fetched raises.
    """
    tokenizers = {name: load_tokenizer(name, files.folder, offline) for name in names}
    length = tokenizers["clip_l"].model_max_length if tokens is None else tokens
    return Encoding(load, tokenizers, device, dtype, length, width)
