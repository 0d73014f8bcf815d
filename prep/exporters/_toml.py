"""dataset.toml for sd-scripts: strict about keys and types, so everything here is as KOHYA's schema wants it."""

import hashlib
from pathlib import Path

import tomlkit

from prep.files import write_whole
from prep.ledger import Ledger, Shelf

WRITTEN = Shelf("dataset_toml", ())  # recipe: sha256 of a text that we wrote
MINE, BESIDE = "dataset.toml", "dataset.new.toml"


def dataset_toml(subsets: list[tuple[str, int, str]], resolution: int) -> str:
    """subsets: (folder, repeats, trigger). Folders are named relative to the file's own."""
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
    dataset = tomlkit.table()
    dataset.add("resolution", resolution)
    dataset.add("batch_size", 1)
    tables = tomlkit.aot()
    for folder, repeats, trigger in subsets:
        subset = tomlkit.table()
        subset.add("image_dir", folder)
        subset.add("num_repeats", repeats)
        subset.add("class_tokens", trigger)
        tables.append(subset)
    dataset.add("subsets", tables)
    datasets = tomlkit.aot()
    datasets.append(dataset)
    document.add("datasets", datasets)
    return tomlkit.dumps(document)


def write_dataset_toml(kohya: Path, text: str, ledger: Ledger) -> bool:
    """Write it, unless a person has changed the one that stands: then beside it. -> whether it took its place."""
    ours = set(ledger.table(WRITTEN)["recipe"].to_pylist())
    mine, beside = kohya / MINE, kohya / BESIDE
    standing = mine.read_bytes() if mine.is_file() else None
    digest = hashlib.sha256(text.encode()).hexdigest()
    if digest not in ours:
        ledger.write(WRITTEN, [{"subject": MINE, "recipe": digest}])
    if standing is None or standing == text.encode() or hashlib.sha256(standing).hexdigest() in ours:
        if standing != text.encode():
            write_whole(mine, text.encode())
        beside.unlink(missing_ok=True)
        return True
    write_whole(beside, text.encode())
    return False
