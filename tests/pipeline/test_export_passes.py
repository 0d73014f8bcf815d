"""Our own export loads in sd-scripts both ways: by the linter's rules, and by the readers that sd-scripts uses."""

import re
import tomllib

import pytest
import toml
import voluptuous as v

from prep.dataset.base import base_around
from prep.lint.look import lint
from tests.support.pictures import EXAMPLES, drawing, folder_of, save
from tests.support.runs import run_here

# From sd-scripts' own table of what config mode accepts: strict, an unknown key is an error.
SHARED = {
    "num_repeats": int,
    "keep_tokens": int,
    "shuffle_caption": bool,
    "caption_extension": str,
    "class_tokens": str,
    "caption_dropout_rate": v.Any(float, int),
}
DATASET = {
    "batch_size": int,
    "resolution": v.Any(int, v.ExactSequence([int, int])),
    "enable_bucket": bool,
    "bucket_no_upscale": bool,
    "bucket_reso_steps": int,
    "min_bucket_reso": int,
    "max_bucket_reso": int,
}
SUBSET = {**SHARED, v.Required("image_dir"): str, "is_reg": bool}
SCHEMA = v.Schema(
    {
        "general": {**SHARED, **DATASET},
        "datasets": [{**SHARED, **DATASET, v.Required("resolution"): DATASET["resolution"], "subsets": [SUBSET]}],
    }
)


def export(tmp_path, tagger):
    art = folder_of(tmp_path / "art", a=12, b=7, c=5)
    save(drawing(9).convert("RGBA"), art / "初音 [Miku]" / "x.png")
    save(drawing(10), art / "c" / "y.gif")
    run_here(art, tmp_path / "out", tagger)
    return tmp_path / "out" / "kohya"


def test_it_is_clean_under_our_linter(tmp_path, tiny_tagger):
    report = lint(export(tmp_path, tiny_tagger))
    assert [finding for finding in report.findings if finding.rule.level != "note"] == []


@pytest.mark.parametrize("base", ["sdxl", "flux", "anima", "lumina"])
def test_captions_for_a_base_model_are_as_it_reads_them(tmp_path, tiny_tagger, base):
    out = tmp_path / "out"
    run_here(folder_of(tmp_path / "art", a=2), out, tiny_tagger, f"captions.for={base}")
    assert [finding for finding in lint(out, base_around(out)).findings if finding.rule.level != "note"] == []


def test_dataset_toml_passes_the_readers_that_sd_scripts_uses(tmp_path, tiny_tagger):
    text = (export(tmp_path, tiny_tagger) / "dataset.toml").read_text()
    assert toml.loads(text) == tomllib.loads(text)
    SCHEMA(toml.loads(text))


def test_both_ways_see_the_same_images_and_repeats(tmp_path, tiny_tagger):
    kohya = export(tmp_path, tiny_tagger)
    config = toml.loads((kohya / "dataset.toml").read_text())
    by_config = {subset["image_dir"]: subset["num_repeats"] for subset in config["datasets"][0]["subsets"]}
    by_folder = {
        folder.name: int(folder.name.split("_")[0]) for folder in kohya.iterdir() if re.match(r"\d+_", folder.name)
    }
    assert by_config == by_folder and all((kohya / name).is_dir() for name in by_config)


def test_characters_weigh_alike_within_rounding(tmp_path, tiny_tagger):
    kohya = export(tmp_path, tiny_tagger)
    shown = {}
    for folder in kohya.glob("*_?"):
        repeats, slug = folder.name.split("_")
        count = sum(path.suffix != ".txt" for path in folder.iterdir())
        shown[slug] = (int(repeats) * count, count)
    assert set(shown) == {"a", "b", "c"}
    assert all(abs(total - 100) <= count / 2 for total, count in shown.values())


def test_every_image_has_its_caption_of_one_line(tmp_path, tiny_tagger):
    kohya = export(tmp_path, tiny_tagger)
    images = [path for path in kohya.glob("*/*") if path.suffix in (".png", ".jpg", ".webp")]
    assert len(images) == 26 and all(path.with_suffix(".txt").is_file() for path in images)
    for text in kohya.glob("*/*.txt"):
        data = text.read_bytes()
        assert data and not data.startswith(b"\xef\xbb\xbf") and b"\n" not in data.strip()
    assert EXAMPLES.is_dir()
