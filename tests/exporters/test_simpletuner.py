"""multidatabackend.json by the keys of SimpleTuner's DATALOADER.md, the parquet files read as it reads them."""

import json
from pathlib import Path

from voluptuous import All, Length, Optional, Range, Required, Schema

from tests.exporters.finished import Maker, export, small_set

PARQUET = {
    "path": str,
    "filename_column": str,
    "caption_column": str,
    "width_column": str,
    "height_column": str,
    "identifier_includes_extension": True,
}
IMAGES = Schema(
    {
        "id": All(str, Length(min=1)),
        "type": "local",
        "dataset_type": "image",
        "instance_data_dir": str,
        "metadata_backend": "parquet",
        "caption_strategy": "parquet",
        "parquet": PARQUET,
        "resolution": All(float, Range(min=0.004, max=20)),
        "resolution_type": "area",
        "minimum_image_size": int,
        "crop": bool,
        "repeats": All(int, Range(min=0)),
        "cache_dir_vae": str,
    },
    required=True,
)
TEXTS = Schema({Required("id"): str, "type": "local", "dataset_type": "text_embeds", "default": True,
                Optional("cache_dir"): str})  # fmt: skip


def backends(folder: Path) -> list[dict]:
    *images, texts = json.loads((folder / "multidatabackend.json").read_text("utf-8"))
    TEXTS(texts)
    assert len({each["id"] for each in [*images, texts]}) == len(images) + 1
    return [IMAGES(each) for each in images]


def read(folder: Path) -> list[tuple[str, bytes]]:
    """(caption, image file): all images in the folder, each found in the table by its name."""
    import pandas as pd

    found = []
    for backend in backends(folder):
        names = backend["parquet"]
        table = pd.read_parquet(names["path"], engine="pyarrow").set_index(names["filename_column"])
        images = sorted(Path(backend["instance_data_dir"]).iterdir())
        assert sorted(table.index) == [image.name for image in images]  # one without a caption stops it
        assert all(text.strip() for text in table[names["caption_column"]])
        for image in images:
            found.append((table.loc[image.name][names["caption_column"]], image.read_bytes()))
    return found


def test_every_folder_is_a_backend_with_sizes_and_one_repeat_less(tmp_path):
    import pyarrow.parquet as pq

    folder, _, _ = export(small_set(tmp_path / "set"), "simpletuner")
    assert [(each["id"], each["repeats"]) for each in backends(folder)] == [
        ("images-mira", 9), ("images-mira-drawn", 1), ("images-test", 29),
    ]  # fmt: skip
    assert {each["resolution"] for each in backends(folder)} == {0.262144}  # of 512 px
    (row,) = pq.read_table(folder / "metadata" / "test.parquet").to_pylist()
    assert row == {"filename": row["filename"], "caption": "test, 1boy, solo", "width": 32, "height": 48}


def test_an_emptied_caption_is_left_out_and_said(tmp_path):
    out = small_set(tmp_path / "set")
    next((out / "kohya" / "10_mira").glob("*.txt")).write_text("\n")
    folder, _, told = export(out, "simpletuner")
    assert told[0].startswith("1 with an emptied caption left out") and len(read(folder)) == 3


def test_a_character_called_as_a_folder_of_ours_is_no_trouble(tmp_path):
    made = Maker(tmp_path / "set")
    for character in ("cache", "text-embeds", "metadata"):
        made.add(character, f"{character}, 1girl")
    assert len(read(export(made.finish(), "simpletuner")[0])) == 3
