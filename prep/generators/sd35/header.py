"""What a file of SD3.5 weights contains, from its header: parts, layouts, model. Reads no weights."""

from dataclasses import dataclass
from pathlib import Path

from prep.errors import WeightsError
from prep.generators.sd35.folder import alone
from prep.generators.sd35.sizes import transformer_config
from prep.tensors.file import Entry, WeightFile
from prep.tensors.kind import tensors_kind
from prep.tensors.layout import LINE, Part, part_of

# Part -> (its prefix in the single files, a key that it always has). A separate file has no prefix.
PARTS = {
    "transformer": ("model.diffusion_model.", "joint_blocks.0.x_block.attn.qkv.weight"),
    "vae": ("first_stage_model.", "decoder.conv_in.weight"),
    "clip_l": ("text_encoders.clip_l.transformer.", "text_model.embeddings.token_embedding.weight"),
    "clip_g": ("text_encoders.clip_g.transformer.", "text_model.embeddings.token_embedding.weight"),
    "t5": ("text_encoders.t5xxl.transformer.", "shared.weight"),
}


@dataclass(frozen=True)
class Checkpoint:
    path: Path
    parts: dict[str, Part]
    model: str  # sd35-large, sd35-medium, or other
    config: dict | None  # of SD3Transformer2DModel; None without a transformer

    @property
    def sentence(self) -> str:
        held = ", ".join(f"{part.name} in {part.layout}" for part in self.parts.values())
        # The turbo is a distilled large: the same keys, the same shapes.
        model = {"sd35-large": "SD3.5 large or large-turbo (their keys are the same)", "sd35-medium": "SD3.5 medium"}
        which = f"; {model.get(self.model, 'SD3 of its own size')}" if self.config else ""
        return f"{self.path.name}: {held}{which}"


def describe(path: Path) -> Checkpoint:
    """Raises WeightsError: not readable, no such parts, or a layout that would be read wrongly."""
    file = WeightFile(path)
    parts = {}
    for name, (prefix, sure) in PARTS.items():
        if prefix + sure in file.entries:
            parts[name] = part_of([file], name, prefix)
    if not parts:
        for name, (_, sure) in PARTS.items():
            if sure in file.entries:
                name = _which_clip(file.entries[sure]) if name.startswith("clip") else name
                parts[name] = part_of([file], name)
                break
    other = None if "transformer" in parts else tensors_kind(file.entries)
    if other:
        raise WeightsError(f"{path.name} is {other.what}, and not a part of SD3.5", hint=alone(path) or other.todo)
    if not parts:
        first = next(iter(file.entries), "nothing")
        raise WeightsError(f"{path.name} contains no part of SD3.5 that prep knows; it begins with {first}", hint=LINE)
    config = transformer_config(parts["transformer"]) if "transformer" in parts else None
    return Checkpoint(path, parts, _which_model(config), config)


def _which_model(config: dict | None) -> str:
    if config is None or config["qk_norm"] is None:
        return "other"
    depth = config["num_layers"], config["num_attention_heads"], len(config["dual_attention_layers"])
    return {(38, 38, 0): "sd35-large", (24, 24, 13): "sd35-medium"}.get(depth, "other")


def _which_clip(entry: Entry) -> str:
    return {768: "clip_l", 1280: "clip_g"}.get(entry.shape[-1] if entry.shape else 0, "clip")
