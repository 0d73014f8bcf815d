"""The whole road of one image, stage by stage, in one page."""

import tomllib

import pyarrow.parquet as pq
from PIL import Image

from prep.dataset.manifest import COLUMNS
from tests.support.pictures import drawing, save
from tests.support.runs import manifest, run_here


def test_one_image_from_a_folder_to_a_training_set(tmp_path, tiny_tagger):
    # A sprite on transparent ground, in a folder that names its character.
    sprite = drawing(1, 400, 600).convert("RGBA")
    sprite.putalpha(Image.new("L", sprite.size, 0))
    sprite.paste(drawing(2, 300, 500), (50, 50))
    save(sprite, tmp_path / "art" / "Mira Vale" / "mira.png")

    result = run_here(tmp_path / "art", tmp_path / "out", tiny_tagger, "thresholds.mode=fixed", "thresholds.fixed=0.3")
    assert result.exit_code == 0

    # scan: what it is, by its bytes and pixels
    (row,) = manifest(tmp_path / "out")
    assert (row["source"], row["character"], row["status"]) == ("Mira Vale/mira.png", "Mira Vale", "kept")
    assert (row["width"], row["height"], row["format"]) == (400, 600, "png")
    assert row["complexity"] in ("simple", "medium", "complex") and 0 < row["edge_density"] < 1

    # tag and caption: what the network saw, above the threshold, trigger first
    assert row["threshold"] == 0.3 and row["rating"] in ("safe", "questionable", "explicit")
    assert row["tags"] and all(tag["score"] >= 0.3 for tag in row["tags"])
    assert row["caption"].startswith("mira_vale, ") and row["caption_source"] == "machine"

    # export: on white, under a name of its own content, with its caption beside it
    exported = tmp_path / "out" / row["file"]
    assert exported.parent.name == "100_mira_vale" and exported.name.startswith("mira-")
    with Image.open(exported) as image:
        assert image.mode == "RGB" and image.getpixel((0, 0)) == (255, 255, 255)
    assert exported.with_suffix(".txt").read_text() == row["caption"]

    # and dataset.toml, which trains it as it stands
    dataset = tomllib.loads((exported.parent.parent / "dataset.toml").read_text())
    (subset,) = dataset["datasets"][0]["subsets"]
    assert subset == {"image_dir": "100_mira_vale", "num_repeats": 100, "class_tokens": "mira_vale"}


def test_the_manifest_has_every_column_and_nothing_of_this_machine(tmp_path, tiny_tagger):
    save(drawing(3), tmp_path / "art" / "mira" / "a.png")
    run_here(tmp_path / "art", tmp_path / "out", tiny_tagger)
    table = pq.read_table(tmp_path / "out" / "manifest.parquet")
    assert table.schema.remove_metadata() == COLUMNS
    promised = """image_id file source character origin status reason flags near_of width height format bytes phash
        edge_density complexity threshold rating tags removed caption_source tagger generator prompt negative_prompt
        seed sampler steps guidance_scale strength parent_id check_score check_missing check_unwanted recipe""".split()
    assert set(promised) <= set(table.column_names)
    drawn = "generator prompt negative_prompt seed sampler steps guidance_scale strength parent_id check_score".split()
    assert all(table[name].null_count == len(table) for name in drawn)
    told = str(table.schema.metadata) + str(table.to_pylist())
    assert str(tmp_path) not in told and b"prep.settings" in table.schema.metadata
