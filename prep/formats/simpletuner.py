"""SimpleTuner: one folder per character, its captions and sizes in a parquet file, and multidatabackend.json.

Its `repeats` are kohya's minus one. It drops an image whose caption in the parquet file is empty, then stops where it
expects that image, so such images are left out here and listed.
"""

import io
import json

from prep.dataset.finished import FinishedSet, Group
from prep.formats._bases import SIMPLETUNER
from prep.formats._view import View

READABLE = (".png", ".jpg", ".webp")


def lay(found: FinishedSet, view: View) -> list[str]:
    backends, silent = [], 0
    for group in found.groups:
        rows = []
        for picture in group.pictures:
            if not picture.caption:
                silent += 1
                continue
            name = view.picture(picture, f"images/{group.name}", READABLE)
            rows.append((name, picture.caption, picture.width, picture.height))
        if rows:
            view.index(f"metadata/{group.name}.parquet", _parquet(rows))
            backends.append(_backend(group, found.resolution, view))
    texts = {
        "id": "text-embeds",
        "type": "local",
        "dataset_type": "text_embeds",
        "default": True,
        "cache_dir": view.place("cache/text"),
    }
    view.config("multidatabackend.json", json.dumps([*backends, texts], ensure_ascii=False, indent=2) + "\n")
    note = f"{silent:,} with an emptied caption left out: SimpleTuner reads none (it has caption_dropout_probability)"
    place = json.dumps(view.place("multidatabackend.json"))
    family = f'"model_family": "{SIMPLETUNER[found.base]}", ' if found.base else ""
    return [
        *([note] if silent else []),
        f'in SimpleTuner\'s config.json: {family}"data_backend_config": {place}; then',
        "simpletuner train",
    ]


def _backend(group: Group, resolution: int, view: View) -> dict:
    return {
        "id": f"images-{group.name}",
        "type": "local",
        "dataset_type": "image",
        "instance_data_dir": view.place(f"images/{group.name}"),
        "metadata_backend": "parquet",
        "caption_strategy": "parquet",
        "parquet": {
            "path": view.place(f"metadata/{group.name}.parquet"),
            "filename_column": "filename",
            "caption_column": "caption",
            "width_column": "width",
            "height_column": "height",
            "identifier_includes_extension": True,
        },
        # In megapixels: what `pixel_area` becomes depends on the resolution in the trainer's own configuration.
        "resolution": resolution**2 / 1e6,
        "resolution_type": "area",
        "minimum_image_size": 0,
        "crop": False,
        "repeats": group.repeats - 1,
        "cache_dir_vae": view.place(f"cache/vae/{group.name}"),
    }


def _parquet(rows: list[tuple[str, str, int, int]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("filename", "caption", "width", "height")
    kinds = (pa.string(), pa.string(), pa.int32(), pa.int32())
    columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
    stream = io.BytesIO()
    pq.write_table(pa.table(columns, names=names), stream, compression="zstd")
    return stream.getvalue()
