"""What a file of weights is, by its first bytes and its tensors' names. Loads and unpickles nothing."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 512
MOST_HEADER_BYTES = 100_000_000  # safetensors' own limit
LFS = b"version https://git-lfs.github.com/spec/"
TORCH_ZIP = "a PyTorch checkpoint"
ONNX = "an ONNX model"
PICKLE = "a pickle, which can run any program when it is opened"
CONVERT = "`prep models convert FILE` makes a .safetensors file of its tensors, and runs nothing that is in it"
NO_PICKLES = "prep does not open pickles: get the .safetensors file of the same model"


@dataclass(frozen=True)
class Kind:
    """what: the end of a sentence that begins with the file's name and `is`. todo: what to get instead, or empty."""

    what: str
    todo: str = ""
    not_weights: bool = False  # not weights at all: something that came instead


# First bytes -> what it is.
FIRST = (
    (
        LFS,
        Kind(
            "a Git LFS pointer, which only says where the file is",
            "run `git lfs pull` in its repository to fetch it",
            True,
        ),
    ),
    (b"GGUF", Kind("a GGUF file", "prep reads safetensors: get that version of the same model")),
    (b"\x89HDF", Kind("a Keras model (HDF5)", "prep reads the file of the TorchDeepDanbooru release")),
    (b"\x1f\x8b", Kind("packed with gzip", "unpack it")),
    (b"7z\xbc\xaf", Kind("a 7z archive", "unpack it")),
    (b"Rar!", Kind("a RAR archive", "unpack it")),
    (b"\xfd7zXZ", Kind("packed with xz", "unpack it")),
    (b"\x28\xb5\x2f\xfd", Kind("packed with zstd", "unpack it")),
    (b"\x89PNG", Kind("a picture")),
    (b"\xff\xd8\xff", Kind("a picture")),
)
PAGE = Kind("a web page, such as a login or error page", "log in where it comes from, and fetch the file itself", True)

# A tensor name that only this family's files have -> what such a file is. The first match counts.
FAMILIES = (
    (r"(lora_down|lora_up|lora_A|lora_B|hada_w1_a|lokr_w1|lokr_w1_a)\b|\.alpha$", "a LoRA, which changes a model"),
    (r"^(control_model\.|controlnet_)", "a ControlNet, which guides a model"),
    (r"(^|\.)double_blocks\.0\.|^single_transformer_blocks\.0\.", "FLUX, or a model like it"),
    (r"^conditioner\.embedders\.", "SDXL"),
    (r"^model\.diffusion_model\.label_emb\.|^add_embedding\.", "SDXL"),
    (r"^cond_stage_model\.model\.", "Stable Diffusion 2"),
    (r"^cond_stage_model\.", "Stable Diffusion 1.5"),
    (r"^model\.diffusion_model\.input_blocks\.|^down_blocks\.0\.attentions\.", "Stable Diffusion 1.5 or SDXL"),
    (r"^transformer_blocks\.0\.attn\.add_q_proj\.", "the transformer of a diffusers folder by itself"),
    (r"^emb_params$|^string_to_param", "a textual inversion, which adds a word to a model"),
)
OTHER_MODEL = "prep draws only with SD3.5"
IN_FOLDER = "name the folder above it, which contains model_index.json"


def first_kind(path: Path) -> Kind | None:
    """What a file is that is not a safetensors file; None if it may be one. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return Kind("empty", "fetch the file again", True)
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= MOST_HEADER_BYTES:
        return None
    for first, kind in FIRST:
        if head.startswith(first):
            return kind
    if head.startswith(b"PK\x03\x04"):
        return _zip(head)
    if re.match(rb"\x80[\x02-\x05]", head):
        return Kind(PICKLE, NO_PICKLES)
    if re.match(rb"\x08[\x01-\x20][\x12\x1a\x22\x3a]", head):
        return Kind(ONNX, "prep's own tagger reads PyTorch and safetensors")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if re.match(rb"<(!doctype|html|head|body|\?xml|error)", text, re.IGNORECASE):
        return PAGE
    if not head.strip(b"\0"):
        return Kind("full of zeros: an unfinished download", "fetch the file again", True)
    if re.fullmatch(rb"[\t\n\r\x20-\x7e]+", head):
        words = " ".join(text.decode("ascii").split())[:50]
        return Kind(f"text, which begins with {words!r}", "fetch the file itself")
    return None


def tensors_kind(names: Iterable[str]) -> Kind | None:
    """What a safetensors file with these tensors is, if it is a known kind and not a part of SD3.5."""
    names = list(names)
    for pattern, what in FAMILIES:
        found = re.compile(pattern)
        if any(found.search(name) for name in names):
            return Kind(what, IN_FOLDER if "diffusers folder" in what else OTHER_MODEL)
    return None


def is_torch_zip(path: Path) -> bool:
    """Raises OSError."""
    kind = first_kind(path)
    return kind is not None and kind.what == TORCH_ZIP


def _zip(head: bytes) -> Kind:
    """torch.save writes NAME/data.pkl first."""
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if name.endswith((b"/data.pkl", b"/.format_version", b"/byteorder")):
        return Kind(TORCH_ZIP, CONVERT)
    return Kind("a zip archive", "unpack it, if it contains the weights")
