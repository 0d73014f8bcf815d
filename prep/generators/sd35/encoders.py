"""SD3.5's text encoders: CLIP-L, CLIP-G and T5, from the single file, files of their own, or a diffusers folder.

Widths and depths are read from the tensors; what no shape shows is here, as in the published configs (those on the hub
are gated). Linears that are FP8 in the file stay FP8.
"""

from pathlib import Path
from typing import Literal

import torch
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, PreTrainedModel, T5Config, T5EncoderModel

from prep.errors import WeightsError
from prep.generators.sd35.folder import FOLDERS, open_folder
from prep.generators.sd35.header import describe
from prep.generators.sd35.sizes import clip_sizes, t5_sizes
from prep.tensors.fill import Piece, check_weights, fill
from prep.tensors.layout import Part

# 2 is the value in OpenAI's first config and still in SD3's: the pooled token is then the one with the highest id.
CLIP = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1, "layer_norm_eps": 1e-5}
ACTIVATIONS = {"clip_l": "quick_gelu", "clip_g": "gelu"}
T5 = {
    "feed_forward_proj": "gated-gelu",
    "layer_norm_epsilon": 1e-6,
    "relative_attention_max_distance": 128,
    "dropout_rate": 0.1,
    "decoder_start_token_id": 0,
    "tie_word_embeddings": False,
}


def load_text_encoder(
    name: str,
    source: Path | None,
    dtype: torch.dtype = torch.bfloat16,
    own: Path | None = None,
    quantise: Literal["stored", "all", "none"] = "stored",
) -> PreTrainedModel | None:
    """name: clip_l, clip_g or t5. source: a single file or a diffusers folder; own: this encoder's own file or folder,
    which takes precedence.

    A source without T5 gives None for it. Raises WeightsError: no CLIP found, a tensor missing or left over.
    """
    if own is not None:
        return _load(name, own, dtype, quantise)
    if source is not None and source.is_file() and name in (parts := describe(source).parts):
        return _from_part(name, parts[name], source, dtype, quantise)
    if source is not None and (source / FOLDERS[name]).is_dir():
        return _load(name, source, dtype, quantise)
    if name != "t5":
        where = f"{source.name} holds no {name}" if source else f"no file for {name} is set"
        raise WeightsError(where, hint=f"SD3.5 cannot draw without it; fetch {name}.safetensors and set its path")
    return None


def _load(name: str, path: Path, dtype: torch.dtype, quantise: str) -> PreTrainedModel:
    if path.is_dir():
        config, part = open_folder(path, FOLDERS[name])
        kind = T5Config if name == "t5" else CLIPTextConfig
        bare = name == "clip_l" and "text_projection.weight" not in part.tensors
        return _build(name, kind.from_dict(config), part, path, dtype, quantise, bare)
    parts = describe(path).parts
    found = parts.get(name) or (parts.get("clip") if name != "t5" else None)
    if found is None:
        raise WeightsError(f"{path.name} holds no {name}, but {', '.join(parts)}")
    return _from_part(name, found, path, dtype, quantise)


def _from_part(name: str, part: Part, path: Path, dtype: torch.dtype, quantise: str) -> PreTrainedModel:
    config = t5_config(part) if name == "t5" else clip_config(part, ACTIVATIONS[name])
    return _build(name, config, part, path, dtype, quantise, bare=name == "clip_l")


def _build(
    name: str, config, part: Part, path: Path, dtype: torch.dtype, quantise: str, bare: bool = False
) -> PreTrainedModel:
    """bare: no projection. SD3 uses CLIP-L's pooled token as it is, even if a file has a projection for it."""
    pieces = {key: Piece(stored) for key, stored in part.tensors.items()}
    with torch.device("meta"):
        model = T5EncoderModel(config) if name == "t5" else CLIPTextModelWithProjection(config)
    if name == "t5":
        model.encoder.embed_tokens = model.shared  # one matrix, which files may store under both names
        pieces["encoder.embed_tokens.weight"] = pieces["shared.weight"]
    elif bare:
        model.text_projection = nn.Identity()
        pieces.pop("text_projection.weight", None)
    # T5's second feed-forward layer exceeds float16's range: transformers computes it in float32, too.
    wide = torch.float32 if dtype == torch.float16 else None
    fill(model, pieces, dtype, quantise, path.name, lambda layer: wide if layer.endswith(".wo") else None)
    if name != "t5":  # the one buffer that a file need not contain
        model.text_model.embeddings.position_ids = torch.arange(config.max_position_embeddings)[None]
    check_weights(model, path.name)
    return model


def clip_config(part: Part, activation: str) -> CLIPTextConfig:
    return CLIPTextConfig(**clip_sizes(part), hidden_act=activation, **CLIP)


def t5_config(part: Part) -> T5Config:
    return T5Config(**t5_sizes(part), **T5)
