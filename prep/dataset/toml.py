"""dataset.toml for sd-scripts, which is strict about keys and types.

The rule for this file and the other configurations that prep writes: a version that a person edited stays.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import tomlkit

from prep.files import write_whole
from prep.ledger import Ledger, Shelf

WRITTEN = Shelf("dataset_toml", ())  # subject: the file's name; recipe: sha256 of a text that we wrote
MINE = "dataset.toml"


def dataset_toml(
    subsets: list[tuple[str, int, str]],
    resolution: int,
    smaller: Sequence[tuple[str, int, str]] = (),
    smaller_resolution: int = 0,
) -> str:
    """subsets: (folder, repeats, trigger). Folders are named relative to the file's own.

    smaller: subsets that are trained at a resolution of their own, as a dataset beside the first.
    """
    document = tomlkit.document()
    document.add(tomlkit.comment("Made by prep for sd-scripts. Start the training in this folder: image_dir is"))
    document.add(tomlkit.comment("relative to where the trainer runs. If you edit this file, prep leaves it alone."))
    general = tomlkit.table()
    general.add("caption_extension", ".txt")
    general.add("enable_bucket", True)
    general.add("bucket_no_upscale", True)
    general.add("bucket_reso_steps", 64)
    general.add("min_bucket_reso", min(256, resolution))
    # The default, 1024, would leave out the tall and wide sizes of that area: there is no 832x1216 below it.
    general.add("max_bucket_reso", 2 * resolution)
    general.add("keep_tokens", 1)
    document.add("general", general)
    datasets = tomlkit.aot()
    datasets.append(_dataset(subsets, resolution))
    if smaller:
        # Multiples of 64, as for all: the trainer takes no finer steps for every model.
        side = max(64, round(smaller_resolution / 64) * 64)
        datasets.append(_dataset(smaller, side, {"min_bucket_reso": 64, "max_bucket_reso": 2 * side}))
    document.add("datasets", datasets)
    return tomlkit.dumps(document)


def _dataset(subsets: Sequence[tuple[str, int, str]], resolution: int, own: dict[str, int] | None = None):
    dataset = tomlkit.table()
    dataset.add("resolution", resolution)
    dataset.add("batch_size", 1)
    for key, value in (own or {}).items():
        dataset.add(key, value)
    tables = tomlkit.aot()
    for folder, repeats, trigger in subsets:
        subset = tomlkit.table()
        subset.add("image_dir", folder)
        subset.add("num_repeats", repeats)
        # The reader of sd-scripts (toml 0.10.2) loses a text that begins with a quote. These words are for images
        # without a caption, of which there are none here.
        subset.add("class_tokens", trigger.lstrip('"'))
        tables.append(subset)
    dataset.add("subsets", tables)
    return dataset


def write_dataset_toml(kohya: Path, text: str, ledger: Ledger) -> bool:
    return write_unless_edited(kohya / MINE, text, ledger)


def write_unless_edited(path: Path, text: str, ledger: Ledger) -> bool:
    """Write it; beside it as NAME.new.ENDING where a person has changed the one there. -> whether it took its place."""
    ours = set(ledger.table(WRITTEN)["recipe"].to_pylist())
    beside = path.with_name(f"{path.stem}.new{path.suffix}")
    data = text.encode()
    present, digest = _read(path), hashlib.sha256(data).hexdigest()
    if digest not in ours:
        ledger.write(WRITTEN, [{"subject": path.name, "recipe": digest}])
    if present is None or present == data or hashlib.sha256(present).hexdigest() in ours:
        if present != data:
            write_whole(path, data)
        beside.unlink(missing_ok=True)
        return True
    if _read(beside) != data:
        write_whole(beside, data)
    return False


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
