"""config.yaml against ai-toolkit's own example for SD3.5 and its DatasetConfig, keys and types written down here."""

from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from voluptuous import All, In, Length, Range, Required, Schema

from tests.exporters.finished import export, small_set

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
    "train_text_encoder": bool, "gradient_checkpointing": bool, "noise_scheduler": "flowmatch", "optimizer": str,
    "lr": float, "dtype": In(["bf16", "fp16"]),
}  # fmt: skip
SAMPLE = {
    "sampler": "flowmatch", "sample_every": COUNT, "width": COUNT, "height": COUNT,
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
    "model": {"name_or_path": str, "is_v3": True, "quantize": bool},
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


def test_the_config_names_every_folder_with_its_repeats(tmp_path):
    folder, _, told = export(small_set(tmp_path / "set"), "ai-toolkit")
    process = config(folder)
    assert [(Path(each["folder_path"]).name, each["num_repeats"]) for each in process["datasets"]] == [
        ("mira", 10), ("mira-drawn", 2), ("test", 30),
    ]  # fmt: skip
    assert process["sample"]["prompts"] == ["mira", "test"]
    assert process["train"]["lr"] == 1e-4 and process["datasets"][0]["resolution"] == [512]
    assert told[-1] == f"python run.py {folder / 'config.yaml'}"


def test_webp_becomes_png_of_the_same_pixels_and_is_not_made_twice(tmp_path):
    out = small_set(tmp_path / "set")
    folder, _, _ = export(out, "ai-toolkit")
    (source,), (made,) = out.glob("kohya/30_test/*.webp"), folder.glob("test/*.png")
    assert np.array_equal(Image.open(source).convert("RGB"), Image.open(made))
    before = made.stat().st_ino
    assert export(out, "ai-toolkit")[1].written == 0 and made.stat().st_ino == before
    assert not list(folder.rglob("*.webp"))


def test_a_config_edited_by_hand_stays_and_ours_is_beside_it(tmp_path):
    out = small_set(tmp_path / "set")
    folder, _, _ = export(out, "ai-toolkit")
    path = folder / "config.yaml"
    mine = path.read_text().replace("quantize: true", "quantize: false")
    path.write_text(mine)
    next((out / "kohya" / "10_mira").glob("*.png")).unlink()
    export(out, "ai-toolkit")
    assert path.read_text() == mine and "quantize: true" in (folder / "config.new.yaml").read_text()
    path.unlink()
    export(out, "ai-toolkit")
    assert "quantize: true" in path.read_text() and not (folder / "config.new.yaml").exists()
