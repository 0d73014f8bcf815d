"""What a file of SD3.5 weights contains, from its header: parts, layouts, model. Reads no weights."""

from dataclasses import dataclass
from pathlib import Path

from prep.errors import WeightsError
from prep.generators.sd35.folder import alone
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


def transformer_config(part: Part) -> dict:
    """The config of SD3Transformer2DModel, from the tensors' shapes. Raises WeightsError."""
    shape = {key: stored.entry.shape for key, stored in part.tensors.items()}
    try:
        width, channels, patch = shape["x_embedder.proj.weight"][:3]
        blocks = {int(key.split(".")[1]) for key in shape if key.startswith("joint_blocks.")}
        dual = sorted(int(key.split(".")[1]) for key in shape if key.endswith("x_block.attn2.qkv.weight"))
        head = shape.get("joint_blocks.0.x_block.attn.ln_q.weight", (64,))[0]
        side = round(shape["pos_embed"][1] ** 0.5)
        config = {
            "sample_size": min(128, side),  # 1024 px; no tensor's shape depends on it
            "patch_size": patch,
            "in_channels": channels,
            "out_channels": shape["final_layer.linear.weight"][0] // patch**2,
            "num_layers": len(blocks),
            "attention_head_dim": head,
            "num_attention_heads": width // head,
            "joint_attention_dim": shape["context_embedder.weight"][1],
            "caption_projection_dim": shape["context_embedder.weight"][0],
            "pooled_projection_dim": shape["y_embedder.mlp.0.weight"][1],
            "pos_embed_max_size": side,
            "dual_attention_layers": dual,
            "qk_norm": "rms_norm" if "joint_blocks.0.x_block.attn.ln_q.weight" in shape else None,
        }
    except (KeyError, IndexError, ValueError) as error:
        raise WeightsError(f"{_name(part)} is not an SD3 transformer: {error} is missing") from error
    if blocks != set(range(len(blocks))) or width % head or side**2 != shape["pos_embed"][1]:
        raise WeightsError(f"{_name(part)} is not an SD3 transformer: its blocks, heads or positions do not add up")
    return config


def _which_model(config: dict | None) -> str:
    if config is None or config["qk_norm"] is None:
        return "other"
    depth = config["num_layers"], config["num_attention_heads"], len(config["dual_attention_layers"])
    return {(38, 38, 0): "sd35-large", (24, 24, 13): "sd35-medium"}.get(depth, "other")


def _which_clip(entry: Entry) -> str:
    return {768: "clip_l", 1280: "clip_g"}.get(entry.shape[-1], "clip")


def _name(part: Part) -> str:
    return next(iter(part.tensors.values())).file.path.name
