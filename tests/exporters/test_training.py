"""train_sd3_lora.toml by the options of sd-scripts, written down here from its docs, and by the reader that it uses."""

import shlex
import tomllib
from pathlib import Path

import pytest
import toml
from voluptuous import All, In, Range, Schema

from prep.exporters.training import NAME, Start, training_command, training_toml, write_training_toml
from prep.ledger import Ledger

COUNT = All(int, Range(min=1))
OPTIONS = Schema(
    {
        "pretrained_model_name_or_path": str,
        "clip_l": str,
        "clip_g": str,
        "t5xxl": str,
        "dataset_config": "dataset.toml",
        "cache_latents": bool,
        "keep_tokens": 1,
        "shuffle_caption": bool,
        "t5xxl_max_token_length": COUNT,
        "cache_text_encoder_outputs": bool,
        "network_module": "networks.lora_sd3",
        "network_dim": COUNT,
        "network_alpha": COUNT,
        "network_train_unet_only": True,
        "max_train_epochs": COUNT,
        "save_every_n_epochs": COUNT,
        "learning_rate": float,
        "lr_scheduler": In(["constant", "constant_with_warmup", "cosine", "linear"]),
        "lr_warmup_steps": All(int, Range(min=0)),
        "optimizer_type": str,
        "seed": int,
        "mixed_precision": In(["no", "fp16", "bf16"]),
        "save_precision": In(["float", "fp16", "bf16"]),
        "sdpa": bool,
        "gradient_checkpointing": bool,
        "max_data_loader_n_workers": int,
        "persistent_data_loader_workers": bool,
        "output_dir": str,
        "output_name": str,
        "save_model_as": In(["safetensors", "ckpt", "pt"]),
    },
    required=True,
)
SIZES = [(1, 1, 100), (5, 1, 100), (24, 3, 300), (100, 1, 100), (60, 12, 1200), (500, 100, 10_000), (2000, 2, 2000),
         (10_000, 5, 12_500)]  # fmt: skip


def options(text: str) -> dict:
    """As sd-scripts reads a config file: sections are only for the eye."""
    sections = toml.loads(text)
    assert sections == tomllib.loads(text)
    flat = [pair for section in sections.values() for pair in section.items()]
    assert len(dict(flat)) == len(flat)
    return OPTIONS(dict(flat))


def kohya(tmp_path: Path, *folders: str) -> Path:
    for folder in folders:
        (tmp_path / "kohya" / folder).mkdir(parents=True)
    return tmp_path / "kohya"


@pytest.mark.parametrize("size", SIZES)
def test_the_options_are_known_to_sd_scripts_at_every_size(size):
    found = options(training_toml(Start(*size), 1024))
    # Cached text would stop the trainer where captions are shuffled.
    assert not (found["shuffle_caption"] and found["cache_text_encoder_outputs"])
    assert found["lr_warmup_steps"] < found["max_train_epochs"] * size[2]


def test_the_file_still_loads_with_the_lines_for_less_memory(tmp_path):
    text = training_toml(Start(24, 3, 300), 1024)
    for line in ("shuffle_caption = false", "cache_text_encoder_outputs = true"):
        assert f"#   {line}" in text
        text = text.replace(f"\n{line.split(' = ')[0]} = {'true' if 'false' in line else 'false'}\n", f"\n{line}\n")
    assert not options(text)["shuffle_caption"] and options(text)["cache_text_encoder_outputs"]


@pytest.mark.parametrize("size", SIZES)
def test_a_character_is_seen_often_enough_and_not_for_ever(size):
    start = Start(*size)
    each = start.steps / start.characters
    assert each >= 700 and each / (start.images / start.characters) <= 1000
    assert 0.6 <= start.steps / (start.looks * start.characters) <= 1.5
    assert start.epochs / start.save_every < 10


def test_three_characters_of_eight_images():
    start = Start(24, 3, 300)
    assert (start.epochs, start.steps, start.dim) == (8, 2400, 16)


def test_drawn_folders_are_no_characters_and_a_second_time_changes_nothing(tmp_path):
    folder, ledger = kohya(tmp_path, "10_mira", "2_mira-drawn", "20_rin"), Ledger(tmp_path / "ledger")
    assert write_training_toml(folder, 12, 200, 768, ledger)
    path = folder / NAME
    assert "12 images of 2 characters" in path.read_text() and "768 px" in path.read_text()
    before = path.stat().st_ino, len(list((tmp_path / "ledger").rglob("*.parquet")))
    assert write_training_toml(folder, 12, 200, 768, ledger)
    assert before == (path.stat().st_ino, len(list((tmp_path / "ledger").rglob("*.parquet"))))


def test_a_file_edited_by_hand_stays_and_ours_is_beside_it(tmp_path):
    folder, ledger = kohya(tmp_path, "10_mira"), Ledger(tmp_path / "ledger")
    write_training_toml(folder, 10, 100, 1024, ledger)
    mine = (folder / NAME).read_text().replace("sd3.5_medium", "my/own")
    (folder / NAME).write_text(mine)
    assert not write_training_toml(folder, 20, 200, 1024, ledger)
    assert (folder / NAME).read_text() == mine
    beside = folder / "train_sd3_lora.new.toml"
    assert "20 images" in beside.read_text() and beside.name in mine
    before = beside.stat().st_ino
    assert not write_training_toml(folder, 20, 200, 1024, ledger) and beside.stat().st_ino == before
    (folder / NAME).unlink()
    assert write_training_toml(folder, 20, 200, 1024, ledger) and not beside.exists()


@pytest.mark.parametrize("name", ["outputs/characters/kohya", 'o\'ut $(x) "y"/kohya'])
def test_one_command_starts_it_where_the_file_is(name):
    words = shlex.split(training_command(Path(name)))
    assert words[:3] == ["cd", name, "&&"] and words[-2:] == ["--config_file", NAME]
