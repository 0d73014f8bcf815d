"""dataset.toml for sd-scripts, which is strict about keys and types.

The rule for this file and the other configurations that prep writes: a version that the user edited stays.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import tomlkit

from prep.aside import CHANGED, fingerprint, make_way
from prep.captions.forms import PLAIN, Form
from prep.crops.fit import STEP
from prep.files import write_whole
from prep.ledger import Ledger, Shelf
from prep.names import CROP, MADE
from prep.system import remove

# subject: the file's place under OUT (in rows of 0.1.0 its name); recipe: sha256 of what was written there last;
# before: of what it replaces, which is still there if the run was killed. The last row counts.
WRITTEN = Shelf("dataset_toml", (pa.field("before", pa.string()),))
MINE = "dataset.toml"
SMALL = 0.75  # share of the set's resolution; larger pictures use its buckets
Subset = tuple[str, int, str]  # folder, repeats, trigger


def by_resolution(
    subsets: Mapping[str, Subset], resolution: int, sides: Mapping[str, int]
) -> tuple[list[Subset], int, list[tuple[list[Subset], int]]]:
    """The first three arguments of dataset_toml: pictures that prep made far below the set's resolution are trained at
    one of their own, drawn ones and crops apart.

    subsets: by group, a folder's name without the repeats. sides: group -> the square root of its largest picture's
    area, pixels; of groups that prep made.
    """
    smaller = []
    for ending in MADE:
        made = {name: side for name, side in sides.items() if name.endswith(ending)}
        small = [subset for name, subset in subsets.items() if made.get(name, resolution) < resolution * SMALL]
        if small:
            largest = max(made.values())
            # Crops are cut in steps: at a smaller resolution, the largest would be reduced and lose what stands over.
            smaller.append((small, -(-largest // STEP) * STEP if ending == CROP else largest))
    apart = [subset for small, _ in smaller for subset in small]
    return [subset for subset in subsets.values() if subset not in apart], resolution, smaller


def dataset_toml(
    subsets: Sequence[Subset],
    resolution: int,
    smaller: Sequence[tuple[Sequence[Subset], int]] = (),
    form: Form = PLAIN,
) -> str:
    """subsets: (folder, repeats, trigger). Folders are relative to the file's own.

    smaller: subsets trained at a resolution of their own, pixels, each as a dataset. form: of the captions.
    """
    document = tomlkit.document()
    document.add(tomlkit.comment("Made by prep for sd-scripts. Start the training in this folder: image_dir is"))
    document.add(tomlkit.comment("relative to where the trainer runs. If you edit this file, prep leaves it alone."))
    general = tomlkit.table()
    general.add("caption_extension", ".txt")
    general.add("enable_bucket", True)
    general.add("bucket_no_upscale", True)
    general.add("bucket_reso_steps", STEP)
    general.add("min_bucket_reso", min(256, resolution))
    # The default, 1024, would exclude the tall and wide sizes of this area: 832x1216 has a longer side.
    general.add("max_bucket_reso", 2 * resolution)
    if "sentence" in form.parts:
        # Nothing is kept in front, since nothing changes places.
        general.add(tomlkit.comment("Shuffling cuts a caption at its commas, which would tear its sentence."))
        general.add("shuffle_caption", False)
    else:
        general.add("keep_tokens", 1)
    document.add("general", general)
    datasets = tomlkit.aot()
    datasets.append(_dataset(subsets, resolution))
    for some, smaller_resolution in smaller:
        # Multiples of 64, as everywhere: not every model can be trained with finer steps.
        side = max(64, round(smaller_resolution / 64) * 64)
        datasets.append(_dataset(some, side, {"min_bucket_reso": 64, "max_bucket_reso": 2 * side}))
    document.add("datasets", datasets)
    return tomlkit.dumps(document)


def _dataset(subsets: Sequence[Subset], resolution: int, own: dict[str, int] | None = None):
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
        # sd-scripts' reader (toml 0.10.2) loses a string that begins with a quote. class_tokens are used only for
        # images without a caption, and there are none here.
        subset.add("class_tokens", trigger.lstrip('"'))
        tables.append(subset)
    dataset.add("subsets", tables)
    return dataset


def write_dataset_toml(kohya: Path, text: str, ledger: Ledger) -> bool:
    return write_unless_edited(kohya.parent, f"{kohya.name}/{MINE}", text, ledger)


def write_unless_edited(out: Path, place: str, text: str, ledger: Ledger) -> bool:
    """Write out/place; as NAME.new.ENDING beside it if the user has changed the file. -> whether it took its place.
    A file is ours only if it has the text that prep wrote last, in either place.
    """
    path, data = out / place, text.encode()
    beside = path.with_name(f"{path.stem}.new{path.suffix}")
    place_beside = str(Path(place).with_name(beside.name))
    rows = ledger.rows(WRITTEN)
    ours, ours_beside = (_texts(rows.get(each) or rows.get(path.name)) for each in (place, place_beside))
    digest, found = hashlib.sha256(data).hexdigest(), fingerprint(path)
    if not (found is None or found == digest or found in ours | ours_beside):
        if fingerprint(beside) != digest:
            _replace(out, place_beside, data, ours_beside, ledger)
        if ours_beside != {digest}:
            ledger.write(WRITTEN, [_row(place_beside, digest)])
        return False
    if found != digest:
        _replace(out, place, data, ours | ours_beside, ledger)
    if fingerprint(beside) in ours_beside:
        remove(beside)
    done = [_row(place, digest)] if ours != {digest} or found != digest else []
    done += [_row(place_beside, "")] if ours_beside else []  # a file beside it is ours as long as it is there
    if done:
        ledger.write(WRITTEN, done)
    return True


def remove_unless_edited(out: Path, place: str, ledger: Ledger) -> None:
    """Remove out/place, and what stands beside it, where they have the texts that prep wrote last."""
    path = Path(place)
    rows = ledger.rows(WRITTEN)
    for each in (place, str(path.with_name(f"{path.stem}.new{path.suffix}"))):
        ours = _texts(rows.get(each) or rows.get(path.name))
        if ours:
            if fingerprint(out / each) in ours:
                remove(out / each)
            ledger.write(WRITTEN, [_row(each, "")])


def _replace(out: Path, place: str, data: bytes, ours: set[str], ledger: Ledger) -> None:
    path = out / place
    found = fingerprint(path)
    ledger.write(WRITTEN, [_row(place, hashlib.sha256(data).hexdigest(), found if found in ours else None)])
    make_way(out, path, ours, CHANGED, ledger)
    write_whole(path, data)


def _row(place: str, digest: str, before: str | None = None) -> dict[str, Any]:
    return {"subject": place, "recipe": digest, "before": before}


def _texts(row: dict[str, Any] | None) -> set[str]:
    """sha256 of the texts that are ours, from a row of the ledger."""
    return {digest for digest in (row["recipe"], row["before"]) if digest} if row else set()
