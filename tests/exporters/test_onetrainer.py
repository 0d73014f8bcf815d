"""concepts.json against OneTrainer's ConceptConfig, its keys and types written down here from its source."""

import json
from pathlib import Path

from voluptuous import All, Any, In, Length, Required, Schema

from tests.exporters.finished import export, small_set

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


def test_a_folder_of_kohya_is_a_concept_with_its_repeats(tmp_path):
    folder, _, told = export(small_set(tmp_path / "set"), "onetrainer")
    concepts = json.loads((folder / "concepts.json").read_text())
    assert {each["name"]: each["balancing"] for each in concepts} == {"mira": 10.0, "mira-drawn": 2.0, "test": 30.0}
    assert all(each["text"]["keep_tags_count"] == 1 for each in concepts)
    assert str(folder / "concepts.json") in told[0]
    assert len(read(folder)) == 4


def test_webp_is_linked_since_onetrainer_reads_it(tmp_path):
    out = small_set(tmp_path / "set")
    folder, _, _ = export(out, "onetrainer")
    (there,) = folder.glob("test/*.webp")
    assert there.samefile(next(out.glob("kohya/30_test/*.webp")))
