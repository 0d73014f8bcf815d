"""config.yaml against ai-toolkit's own example for SD3.5 and its DatasetConfig, keys and types written down here."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.finished import export, small_set
from tests.support.trainers.ai_toolkit import config


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
