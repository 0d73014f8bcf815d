"""concepts.json by OneTrainer's ConceptConfig, its keys and types written down here from its source."""

import json
from pathlib import Path

from voluptuous import All, Any, In, Length, Required, Schema

IMAGE = {"enable_crop_jitter": bool, "enable_random_flip": bool}
TEXT = {
    "prompt_source": In(["sample", "concept", "filename"]),
    "prompt_path": str,
    "enable_tag_shuffling": bool,
    "tag_delimiter": All(str, Length(min=1)),
    "keep_tags_count": int,
}
CONCEPT = {
    "__version": 1,
    Required("name"): str,
    Required("path"): str,
    "seed": int,
    "enabled": bool,
    "include_subdirectories": bool,
    "balancing": float,
    "balancing_strategy": In(["REPEATS", "SAMPLES"]),
    "loss_weight": Any(int, float),
    "image": IMAGE,
    "text": TEXT,
}


def read(folder: Path) -> list[tuple[str, bytes]]:
    """(caption, image file) of every picture, as OneTrainer finds them: not below the folder, the .txt beside it."""
    concepts = Schema([CONCEPT])(json.loads((folder / "concepts.json").read_text("utf-8")))
    found = []
    for concept in concepts:
        for image in Path(concept["path"]).iterdir():
            if image.suffix in {".bmp", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp"}:
                text = image.with_suffix(".txt").read_bytes().decode()
                assert text  # a file of 0 bytes stops some readers
                found.append((text if text != "\n" else "", image.read_bytes()))
    return found
