"""multidatabackend.json by the keys of SimpleTuner's DATALOADER.md, the parquet files read as it reads them."""

import json
from pathlib import Path

from voluptuous import All, Length, Optional, Range, Required, Schema

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
