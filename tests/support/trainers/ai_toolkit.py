"""config.yaml by ai-toolkit's own examples, its ModelConfig and DatasetConfig, keys and types written down here."""

from pathlib import Path

import yaml
from voluptuous import All, Any, In, Length, Optional, Range, Required, Schema

COUNT = All(int, Range(min=1))
DATASET = {
    Required("folder_path"): str,
    Required("caption_ext"): "txt",
    "num_repeats": COUNT,
    "keep_tokens": int,
    "shuffle_tokens": bool,
    "caption_dropout_rate": float,
    "cache_latents_to_disk": bool,
    "resolution": [COUNT],
}
TRAIN = {
    "batch_size": COUNT, "steps": COUNT, "gradient_accumulation_steps": COUNT, "train_unet": bool,
    "train_text_encoder": bool, "gradient_checkpointing": bool, "noise_scheduler": In(["flowmatch", "ddpm"]),
    "optimizer": str, "lr": float, "dtype": In(["bf16", "fp16"]),
    Optional("timestep_type"): In(["weighted", "lumina2_shift"]),
}  # fmt: skip
SAMPLE = {
    "sampler": In(["flowmatch", "ddpm"]), "sample_every": COUNT, "width": COUNT, "height": COUNT,
    "prompts": All([str], Length(min=1)), "neg": str, "seed": int, "walk_seed": bool, "guidance_scale": int,
    "sample_steps": COUNT,
}  # fmt: skip
PROCESS = {
    "type": "sd_trainer",
    "training_folder": str,
    "device": str,
    "network": {"type": "lora", "linear": COUNT, "linear_alpha": COUNT},
    "save": {"dtype": str, "save_every": COUNT, "max_step_saves_to_keep": COUNT},
    "datasets": All([DATASET], Length(min=1)),
    "train": TRAIN,
    "model": Any(
        {"name_or_path": str, "is_v3": True, "quantize": bool},
        {
            "name_or_path": str,
            "arch": In(["sd15", "sdxl", "flux", "anima", "lumina2", "zimage", "qwen_image"]),
            Optional("quantize"): bool,
            Optional("quantize_te"): bool,
            Optional("low_vram"): bool,
        },
    ),
    "sample": SAMPLE,
}
CONFIG = Schema(
    {
        "job": "extension",
        "config": {"name": All(str, Length(min=1)), "process": [PROCESS]},
        "meta": {"name": "[name]", "version": str},
    },
    required=True,
)


def config(folder: Path) -> dict:
    return CONFIG(yaml.safe_load((folder / "config.yaml").read_bytes()))["config"]["process"][0]


def read(folder: Path) -> list[tuple[str, bytes]]:
    """(caption, image file) of every picture, by the rules of ai-toolkit's README."""
    found = []
    for dataset in config(folder)["datasets"]:
        for image in Path(dataset["folder_path"]).iterdir():
            if image.suffix in {".jpg", ".jpeg", ".png"}:
                found.append((image.with_suffix(".txt").read_bytes().decode(), image.read_bytes()))
    return [("" if text == "\n" else text, data) for text, data in found]
