"""Our reading of a dataset.toml against the reader and the checker that sd-scripts itself uses.

The schema below is written from its documentation, key by key, and shares nothing with prep/lint/schema.py.
"""

import tempfile
from pathlib import Path

import pytest
import toml
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st
from voluptuous import Any, ExactSequence, Invalid, Required, Schema

from prep.lint import buckets
from prep.lint.look import apply_fixes, lint
from tests.lint.broken import CONFIG, TOML, clean_config

BUCKET = {
    "batch_size": int,
    "resolution": Any(int, ExactSequence([int, int])),
    "enable_bucket": bool,
    "min_bucket_reso": int,
    "max_bucket_reso": int,
    "bucket_reso_steps": int,
    "bucket_no_upscale": bool,
    "validation_seed": int,
    "validation_split": float,
    "network_multiplier": float,
    "resize_interpolation": str,
}
CAPTION = {
    "num_repeats": int,
    "keep_tokens": int,
    "shuffle_caption": bool,
    "caption_extension": str,
    "class_tokens": str,
    "keep_tokens_separator": str,
    "secondary_separator": str,
    "caption_separator": str,
    "caption_prefix": str,
    "caption_suffix": str,
    "enable_wildcard": bool,
    "color_aug": bool,
    "flip_aug": bool,
    "random_crop": bool,
    "face_crop_aug_range": ExactSequence([float, float]),
    "token_warmup_min": int,
    "token_warmup_step": Any(float, int),
    "caption_dropout_every_n_epochs": int,
    "caption_dropout_rate": Any(float, int),
    "caption_tag_dropout_rate": Any(float, int),
    "custom_attributes": dict,
    "cache_info": bool,
}
SUBSET = {**CAPTION, Required("image_dir"): str, "is_reg": bool, "alpha_mask": bool}
DATASET = {**BUCKET, **CAPTION, "subsets": [SUBSET]}
SD_SCRIPTS = Schema({"general": {**BUCKET, **CAPTION}, "datasets": [DATASET]})
SCHEMA_RULES = {"toml-unread", "toml-mixed-array", "toml-unknown-key", "toml-type", "toml-no-image-dir"}


def sd_scripts_takes(text: str) -> bool:
    try:
        SD_SCRIPTS(toml.loads(text))
    except (Invalid, toml.TomlDecodeError):
        return False
    return True


def we_take(text: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dataset.toml"
        path.write_text(text, "utf-8")
        return not SCHEMA_RULES.intersection(finding.rule.id for finding in lint(path).findings)


VALUES = (0, 1, 1024, -3, 0.0, 1.5, 2.0, True, False, "", "a", "8", "0.5", "true", [], [1, 2], [1.0, 2.0], [1, 2.0],
          [1, True], ["a", "b"], [1, 2, 3], [[1], [2.0]], {}, {"a": 1}, {"a": [1, 2.0]}, [{"a": 1}], [{}])  # fmt: skip
KEYS = sorted({*BUCKET, *CAPTION, "image_dir", "is_reg", "alpha_mask", "subsets", "general", "treshold", "Resolution"})


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("level", ["top", "general", "datasets", "subsets"])
def test_every_key_with_every_kind_of_value_at_every_level_is_judged_alike(level, key):
    for value in VALUES:
        subset = {"image_dir": "10_sylvie"}
        dataset = {"resolution": 1024, "subsets": [subset]}
        config = {"general": {"enable_bucket": True}, "datasets": [dataset]}
        {"top": config, "general": config["general"], "datasets": dataset, "subsets": subset}[level][key] = value
        text = tomlkit.dumps(config)
        assert we_take(text) == sd_scripts_takes(text), text


TABLES = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2)
GOOD = st.fixed_dictionaries(
    {},
    optional={
        "num_repeats": st.integers(-2, 9),
        "validation_split": st.sampled_from([0.0, 0.1]),
        "resolution": st.sampled_from([512, [512, 768]]),
        "class_tokens": st.text("ab é\\\"'", max_size=5),
    },
)


@st.composite
def configs(draw) -> dict:
    """Mostly right, with up to two odd keys a table."""

    def table(more: dict) -> dict:
        return draw(GOOD) | more | (draw(TABLES) if draw(st.booleans()) else {})

    def dataset() -> dict:
        named = [{"image_dir": "10_sylvie"} if draw(st.integers(0, 9)) else {} for _ in range(draw(st.integers(0, 2)))]
        return table({"subsets": [table(subset) for subset in named]})

    config = {"datasets": [dataset() for _ in range(draw(st.integers(0, 2)))]}
    return config | ({"general": table({})} if draw(st.booleans()) else {})


@settings(max_examples=150, deadline=None)
@given(configs())
def test_any_config_is_judged_alike(config):
    text = tomlkit.dumps(config)
    assert we_take(text) == sd_scripts_takes(text)


@settings(max_examples=60, deadline=None)
@given(configs())
def test_a_fixed_config_has_nothing_left_to_fix(config):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dataset.toml"
        path.write_text(tomlkit.dumps(config), "utf-8")
        report, _, failed = apply_fixes(path)
        assert not failed
        assert not [finding for finding in report.findings if finding.fix]
        once = path.read_bytes()
        assert apply_fixes(path)[1] == 0
        assert path.read_bytes() == once


# The mark is told by its own rule, and another method has a schema of its own.
@pytest.mark.parametrize("rule", [rule for rule in CONFIG if rule not in ("toml-bom", "toml-method")])
def test_the_broken_configs_break_sd_scripts_where_we_say_it_stops(tmp_path, rule):
    CONFIG[rule](clean_config(tmp_path))
    text = (tmp_path / "dataset.toml").read_text("utf-8")
    assert sd_scripts_takes(text) == (rule not in SCHEMA_RULES)


def test_the_mark_is_unknown_to_sd_scripts_too():
    assert sd_scripts_takes(TOML)
    assert not sd_scripts_takes("\ufeff" + TOML)


@pytest.mark.parametrize(("highest", "count"), [(1024, 25), (2048, 41)])
def test_bucket_sizes_are_those_of_sd_scripts(highest, count):
    sizes = buckets.sizes((1024, 1024), *buckets.limits(256, highest, 64), 64)
    assert len(sizes) == count
    assert ((832, 1216) in sizes) == (highest == 2048)
    assert max(height for _, height in sizes) == (1024 if highest == 1024 else 2048)


def test_limits_round_outwards():
    assert buckets.limits(300, 1000, 64) == (256, 1024)
