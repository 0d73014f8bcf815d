"""The options for each base model's trainer, parsed by a parser made of the trainer's own options, and held against
what it would stop at. sd_scripts_options.json and musubi_tuner_options.json name the commits that they are from.
"""

import shlex
import tomllib
from pathlib import Path

import pytest
import toml
from voluptuous import All, ExactSequence, Optional, Range, Schema

from prep.captions.forms import FORMS, form_of
from prep.dataset.musubi import musubi_toml
from prep.dataset.toml import dataset_toml
from prep.dataset.trainers import MUSUBI
from prep.dataset.training import TRAINERS, Start, training_command, training_toml
from tests.dataset.test_training import SIZES
from tests.support.trainer_options import parser

FOLDERS = [("10_mira", 10, "mira")], 1024, [([("5_mira-drawn", 5, "mira")], 128)]
COUNT = All(int, Range(min=1))
# musubi-tuner's own checker, for image datasets: what it takes, by its source.
SHARED = {
    Optional("caption_extension"): str,
    Optional("batch_size"): int,
    Optional("num_repeats"): int,
    Optional("resolution"): ExactSequence([int, int]),
    Optional("enable_bucket"): bool,
    Optional("bucket_no_upscale"): bool,
}
MUSUBI_DATASET = Schema(
    {
        "general": SHARED,
        "datasets": [SHARED | {"image_directory": str, Optional("cache_directory"): str}],
    },
    required=True,
)


def flat(text: str) -> dict:
    """As the trainers read a file of options: its tables are only for the eye."""
    tables = toml.loads(text)
    assert tables == tomllib.loads(text)
    pairs = [pair for table in tables.values() for pair in table.items()]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def parsed(base: str, options: dict) -> dict:
    """The options as the trainer's own parser takes them from a command line, types and choices included."""
    trainer = TRAINERS[base]
    words = []
    for key, value in options.items():
        if value is not False:  # a switch that is off is left out
            several = value if isinstance(value, list) else [value]
            words += [f"--{key}", *(() if value is True else map(str, several))]
    home = "musubi-tuner" if trainer.home == MUSUBI else "sd-scripts"
    return vars(parser(home, trainer.script.removesuffix(".py")).parse_args(words))


def trained(base: str) -> dict:
    """What a subset is trained with: its own value wins, then its dataset's, the general one, that of the options."""
    found = toml.loads(dataset_toml(*FOLDERS, form_of(base)))
    dataset = found["datasets"][0]
    return flat(training_toml(base, Start(24, 3, 300), 1024)) | found["general"] | dataset | dataset["subsets"][0]


@pytest.mark.parametrize("base", TRAINERS)
@pytest.mark.parametrize("size", SIZES[::3])
def test_the_trainers_own_parser_takes_every_option_with_this_very_value(base, size):
    options = flat(training_toml(base, Start(*size), 1024))
    found = parsed(base, options)
    for key, value in options.items():
        assert found[key] == value or (isinstance(found[key], str) and found[key] == str(value)), key
        assert isinstance(value, bool) == isinstance(found[key], bool), key


@pytest.mark.parametrize("base", TRAINERS)
def test_lines_that_are_to_be_uncommented_are_options_too(base):
    text = training_toml(base, Start(24, 3, 300), 1024)
    for line in text.splitlines():
        key, found, value = line.removeprefix("# ").partition(" = ")
        if line.startswith("# ") and found and key.isidentifier():
            parsed(base, {key: tomllib.loads(f"x = {value}")["x"]})


def test_a_wrong_name_a_wrong_type_and_a_wrong_choice_are_refused(capsys):
    for wrong in ({"min_snr_gama": 5.0}, {"network_dim": "many"}, {"max_token_length": 226}):
        with pytest.raises(SystemExit):
            parsed("sdxl", wrong)


@pytest.mark.parametrize("base", [base for base, trainer in TRAINERS.items() if trainer.home != MUSUBI])
def test_sd_scripts_stops_at_none_of_them(base):
    one = trained(base)
    changing = [key for key in ("shuffle_caption", "caption_tag_dropout_rate", "token_warmup_step") if one.get(key)]
    if one.get("cache_text_encoder_outputs"):
        assert not changing and not one.get("caption_dropout_rate")
        assert one["network_train_unet_only"]  # asserted for SDXL and Anima
    assert not (one["cache_latents"] and (one.get("color_aug") or one.get("random_crop")))
    assert one["bucket_reso_steps"] % {"sdxl": 32, "sd35": 32, "flux": 32, "anima": 16}.get(base, 64) == 0
    assert not (one.get("blocks_to_swap") and one.get("cpu_offload_checkpointing"))
    assert not one.get("scale_v_pred_loss_like_noise_pred") or one.get("v_parameterization")
    assert not one.get("v2")
    assert base != "anima" or not one.get("fp8_base")


@pytest.mark.parametrize("base", FORMS)
def test_only_captions_without_a_sentence_are_shuffled(base):
    assert trained(base).get("shuffle_caption", False) == ("sentence" not in form_of(base).parts)


@pytest.mark.parametrize("base", FORMS)
def test_as_much_of_a_caption_is_read_as_its_form_says(base):
    options = flat(training_toml(base, Start(24, 3, 300), 1024))
    read = [value for key, value in options.items() if key.endswith("max_token_length")]
    assert set(read) <= {form_of(base).tokens} and (read or TRAINERS[base].home == MUSUBI)


def test_no_base_models_lora_takes_the_place_of_anothers():
    names = [flat(training_toml(base, Start(24, 3, 300), 1024))["output_name"] for base in TRAINERS]
    assert len(set(names)) == len(TRAINERS)


def test_captions_that_bring_the_system_prompt_get_no_second_one():
    assert flat(training_toml("lumina", Start(24, 3, 300), 1024))["system_prompt"] == "" and form_of("lumina").head


def test_the_dataset_of_plain_captions_is_the_one_that_it_was():
    assert dataset_toml(*FOLDERS) == dataset_toml(*FOLDERS, form_of("")) == dataset_toml(*FOLDERS, form_of("sdxl"))
    assert "keep_tokens = 1" in dataset_toml(*FOLDERS) and "keep_tokens" not in dataset_toml(*FOLDERS, form_of("anima"))


def test_musubi_tuners_dataset_has_each_folder_with_its_repeats_and_a_cache_of_its_own():
    text = musubi_toml(*FOLDERS)
    found = MUSUBI_DATASET(toml.loads(text))["datasets"]
    assert toml.loads(text) == tomllib.loads(text)
    assert [(each["image_directory"], each["num_repeats"], each["resolution"]) for each in found] == [
        ("10_mira", 10, [1024, 1024]), ("5_mira-drawn", 5, [128, 128]),
    ]  # fmt: skip
    assert len({each["cache_directory"] for each in found}) == 2


@pytest.mark.parametrize("base", [base for base, trainer in TRAINERS.items() if trainer.home == MUSUBI])
def test_the_scripts_that_run_before_take_their_options(base):
    _, *commands = training_command(Path("kohya"), base).split(" && ")
    options = flat(training_toml(base, Start(24, 3, 300), 1024))
    for command in commands[:-1]:
        _, script, *words = shlex.split(command)
        found = parser("musubi-tuner", Path(script).stem).parse_args(words)
        assert found.dataset_config == options["dataset_config"]
        assert all(getattr(found, key, options[key]) in (options[key], None) for key in ("vae", "text_encoder"))
