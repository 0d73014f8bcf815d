"""dataset.toml as sd-scripts reads it in config mode: toml, then each image with the caption file beside it."""

from pathlib import Path

import toml

IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


def read(folder: Path) -> list[tuple[str, bytes]]:
    """(caption, image file) of every picture of every subset. image_dir is relative to the folder that it is run in."""
    found = []
    values = toml.load(folder / "dataset.toml")
    for dataset in values["datasets"]:
        for subset in dataset["subsets"]:
            assert subset["num_repeats"] > 0
            for image in (folder / subset["image_dir"]).iterdir():
                if image.suffix in IMAGES:
                    data = image.with_suffix(values["general"]["caption_extension"]).read_bytes()
                    assert data  # sd-scripts takes the first line, and a file of 0 bytes has none
                    text = data.decode()
                    found.append(("" if text == "\n" else text, image.read_bytes()))
    return found
