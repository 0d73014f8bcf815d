"""Read back with datasets' own imagefolder, as diffusers' scripts do."""

from pathlib import Path

import numpy as np

from tests.support.finished import Maker, captions, export, small_set
from tests.support.pictures import drawing


def loaded(folder: Path, cache: Path):
    from datasets import load_dataset

    return load_dataset("imagefolder", data_dir=str(folder), cache_dir=str(cache))


def test_datasets_reads_every_picture_with_its_caption(tmp_path):
    out = small_set(tmp_path / "set")
    rows = loaded(export(out, "imagefolder")[0], tmp_path / "cache")["train"]
    assert sorted(rows["text"]) == sorted(captions(out).values()) and set(rows.column_names) == {"image", "text"}
    first = next(row for row in rows if row["text"] == "mira, 1girl, solo, smile")
    assert np.array_equal(np.asarray(first["image"].convert("RGB")), np.asarray(drawing(0, 32, 48)))


def test_a_character_called_test_or_valid_makes_no_split(tmp_path):
    made = Maker(tmp_path / "test-valid")
    for character in ("test", "valid", "train", "dev"):
        made.add(character, f"{character}, 1girl")
    splits = loaded(export(made.finish(), "imagefolder")[0], tmp_path / "cache")
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 4}


def test_several_lines_and_nothing_at_all_arrive_as_they_stand(tmp_path):
    out = small_set(tmp_path / "set")
    first, second, *_ = sorted((out / "kohya").glob("*/*.txt"))
    first.write_text('one\ntwo, "three"\n')
    second.write_text("\n")
    texts = loaded(export(out, "imagefolder")[0], tmp_path / "cache")["train"]["text"]
    assert 'one\ntwo, "three"' in texts and "" in texts
