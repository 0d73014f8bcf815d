"""train_sd3_lora.toml by the options of sd-scripts, written down here from its docs, and by the reader that it uses.

test_trainers.py holds the files for other base models against the options of their scripts.
"""

import shlex
import tomllib
from pathlib import Path

import pytest
import toml
from voluptuous import All, In, Range, Schema

from prep.dataset.toml import dataset_toml
from prep.dataset.training import TRAINERS, Start, start_of, training_command, training_toml, write_training
from prep.ledger import Ledger
from tests.support.pictures import folder_of
from tests.support.runs import run_here

NAME = "train_sd3_lora.toml"
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


def write(folder: Path, images: int, looks: int, resolution: int, ledger: Ledger, base: str = "") -> list[str]:
    return write_training(folder, base, start_of(folder, images, looks), resolution, "# of this set\n", ledger)


def objections(kohya: Path) -> list[str]:
    """What sd-scripts would stop at, by the assertions of its SD3 trainer: both files together, as it merges them."""
    args = options((kohya / NAME).read_text())
    found = toml.loads((kohya / args["dataset_config"]).read_text())
    told, images = [], 0
    for dataset in found["datasets"]:
        for subset in dataset["subsets"]:
            # A subset's own value wins, then its dataset's, then the general one, then that of the options.
            one = args | found["general"] | dataset | subset
            changing = [key for key in ("shuffle_caption", "caption_dropout_rate", "caption_tag_dropout_rate",
                                        "token_warmup_step") if one.get(key)]  # fmt: skip
            if args["cache_text_encoder_outputs"] and changing:
                told.append(f"text is cached, and {subset['image_dir']} has {changing[0]}")
            if args["cache_latents"] and (one.get("color_aug") or one.get("random_crop")):
                told.append(f"latents are cached, and {subset['image_dir']} is cropped or coloured at random")
            if one["bucket_reso_steps"] % 32:
                told.append("steps of buckets that do not divide by 32")
            if not one["min_bucket_reso"] <= one["resolution"] <= one["max_bucket_reso"]:
                told.append("a resolution outside its buckets")
            images += sum(path.suffix != ".txt" for path in (kohya / subset["image_dir"]).iterdir())
    return told + ([] if images else ["no image"])


@pytest.mark.parametrize("size", SIZES)
def test_the_options_are_known_to_sd_scripts_at_every_size(size):
    found = options(training_toml("", Start(*size), 1024))
    assert found["lr_warmup_steps"] < found["max_train_epochs"] * size[2]


def a_set(tmp_path: Path) -> Path:
    """kohya/ of real and of much smaller drawn pictures, so that dataset.toml has two datasets."""
    folder = kohya(tmp_path, "10_mira", "5_mira-drawn")
    for path in (folder / "10_mira" / "a.png", folder / "5_mira-drawn" / "b.png"):
        path.write_bytes(b"")
    text = dataset_toml([("10_mira", 10, "mira")], 1024, [([("5_mira-drawn", 5, "mira")], 128)])
    (folder / "dataset.toml").write_text(text)
    write(folder, 2, 15, 1024, Ledger(tmp_path / "ledger"))
    return folder


def test_as_they_stand_both_files_start_the_trainer(tmp_path):
    assert objections(a_set(tmp_path)) == []


def test_as_a_run_leaves_them_both_files_start_the_trainer(tmp_path, tiny_tagger):
    run_here(folder_of(tmp_path / "art", mira=2, rin=3), tmp_path / "out", tiny_tagger)
    assert objections(tmp_path / "out" / "kohya") == []


def test_the_lines_for_shuffled_tags_start_it_as_well_and_one_of_them_alone_would_not(tmp_path):
    folder = a_set(tmp_path)
    text = (folder / NAME).read_text()
    cached, shuffled = "cache_text_encoder_outputs = false", "shuffle_caption = true"
    for line, ours in ((cached, "cache_text_encoder_outputs = true"), (shuffled, "shuffle_caption = false")):
        assert f"\n#   {line}\n" in text and f"\n{ours}\n" in text
        (folder / NAME).write_text(text.replace(f"\n{ours}\n", f"\n{line}\n"))
        stops = [
            "text is cached, and 10_mira has shuffle_caption",
            "text is cached, and 5_mira-drawn has shuffle_caption",
        ]
        assert objections(folder) == (stops if line == shuffled else [])
    (folder / NAME).write_text(
        (folder / NAME).read_text().replace("\ncache_text_encoder_outputs = true\n", f"\n{cached}\n")
    )
    assert objections(folder) == [] and options((folder / NAME).read_text())["shuffle_caption"]


@pytest.mark.parametrize("size", SIZES)
def test_a_character_is_seen_often_enough_and_not_for_ever(size):
    start = Start(*size)
    each = start.steps / start.characters
    assert each >= 700 and each / (start.images / start.characters) <= 1000
    assert 0.6 <= start.steps / (start.views * start.characters) <= 1.5
    assert start.epochs / start.save_every < 10


def test_three_characters_of_eight_images():
    start = Start(24, 3, 300)
    assert (start.epochs, start.steps, start.dim) == (8, 2400, 16)


def test_drawn_folders_are_no_characters_and_a_second_time_changes_nothing(tmp_path):
    folder, ledger = kohya(tmp_path, "10_mira", "2_mira-drawn", "20_rin"), Ledger(tmp_path / "ledger")
    assert not write(folder, 12, 200, 768, ledger)
    path = folder / NAME
    assert "12 images of 2 characters" in path.read_text() and "768 px" in path.read_text()
    before = path.stat().st_ino, len(list((tmp_path / "ledger").rglob("*.parquet")))
    assert not write(folder, 12, 200, 768, ledger)
    assert before == (path.stat().st_ino, len(list((tmp_path / "ledger").rglob("*.parquet"))))


def test_a_file_edited_by_hand_stays_and_ours_is_beside_it(tmp_path):
    folder, ledger = kohya(tmp_path, "10_mira"), Ledger(tmp_path / "ledger")
    write(folder, 10, 100, 1024, ledger)
    mine = (folder / NAME).read_text().replace("sd3.5_medium", "my/own")
    (folder / NAME).write_text(mine)
    assert write(folder, 20, 200, 1024, ledger) == [NAME]
    assert (folder / NAME).read_text() == mine
    beside = folder / "train_sd3_lora.new.toml"
    assert "20 images" in beside.read_text() and beside.name in mine
    before = beside.stat().st_ino
    assert write(folder, 20, 200, 1024, ledger) == [NAME] and beside.stat().st_ino == before
    (folder / NAME).unlink()
    assert not write(folder, 20, 200, 1024, ledger) and not beside.exists()


def test_another_base_model_takes_its_own_file_and_the_earlier_one_goes(tmp_path):
    folder, ledger = kohya(tmp_path, "10_mira"), Ledger(tmp_path / "ledger")
    seen = []
    for base in ("", "sdxl", "z-image", "sd35", ""):
        assert not write(folder, 10, 100, 1024, ledger, base)
        seen.append(sorted(path.name for path in folder.glob("*.toml")))
    assert seen == [[NAME], ["train_sdxl_lora.toml"], ["dataset_musubi.toml", "train_zimage_lora.toml"], [NAME], [NAME]]


def test_the_earlier_file_stays_if_a_person_changed_it_and_only_ours_beside_it_goes(tmp_path):
    folder, ledger = kohya(tmp_path, "10_mira"), Ledger(tmp_path / "ledger")
    write(folder, 10, 100, 1024, ledger)
    (folder / NAME).write_text("# mine\n")
    write(folder, 20, 200, 1024, ledger)
    (folder / "train_flux_lora.toml").write_text("# from elsewhere\n")
    assert (folder / "train_sd3_lora.new.toml").exists()
    for _ in range(2):
        assert not write(folder, 20, 200, 1024, ledger, "sdxl")
        names = {path.name for path in folder.glob("*.toml")}
        assert names == {NAME, "train_sdxl_lora.toml", "train_flux_lora.toml"}
        assert (folder / NAME).read_text() == "# mine\n"


def test_a_run_for_a_base_model_leaves_the_options_for_its_trainer(tmp_path, tiny_tagger):
    run_here(folder_of(tmp_path / "art", mira=1), tmp_path / "out", tiny_tagger, "captions.for=sdxl")
    left = {path.name for path in (tmp_path / "out" / "kohya").glob("*.toml")}
    assert left == {"dataset.toml", "train_sdxl_lora.toml"}


@pytest.mark.parametrize("name", ["outputs/characters/kohya", 'o\'ut $(x) "y"/kohya'])
def test_one_command_starts_it_where_the_file_is(name):
    words = shlex.split(training_command(Path(name)))
    assert words[:3] == ["cd", name, "&&"] and words[-2:] == ["--config_file", NAME]


@pytest.mark.parametrize("base", TRAINERS)
def test_the_command_in_the_file_is_the_one_that_a_run_prints(base):
    lines = [line[4:] for line in training_toml(base, Start(24, 3, 300), 1024).splitlines() if line.startswith("#   ")]
    commands = [line for line in lines if line.startswith(("python", "accelerate"))]
    assert training_command(Path("kohya"), base) == " && ".join(["cd kohya", *commands])
