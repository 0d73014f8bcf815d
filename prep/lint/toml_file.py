"""A dataset.toml as values, and the tables in it that sd-scripts' schema covers. Judges nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prep.documents import DOCUMENT_BYTES, DocumentError, parse_toml
from prep.files import read_file
from prep.lint.fix import BOM
from prep.names import printable

Place = tuple[str | int, ...]  # keys and list positions, from the top
OTHER_METHODS = ("metadata_file", "conditioning_data_dir")


@dataclass(frozen=True)
class TomlFile:
    path: Path
    shown: str
    bom: bool
    values: dict[str, Any] | None  # None: not readable
    problem: str  # why, when it is not


def read_toml(path: Path, shown: str) -> TomlFile:
    """Never raises: a file that cannot be read comes back with its problem."""
    try:
        data = read_file(path, DOCUMENT_BYTES, follow=True)
    except OSError as error:
        return TomlFile(path, shown, False, None, f"cannot be read ({error.strerror or error})")
    bom = data.startswith(BOM)
    try:
        return TomlFile(path, shown, bom, parse_toml(data.removeprefix(BOM)), "")
    except DocumentError as error:
        return TomlFile(path, shown, bom, None, printable(str(error)))


def tables(values: dict[str, Any]) -> Iterator[tuple[str, Place, dict[str, Any]]]:
    """(level, place, table) of every table in the schema that belongs to the DreamBooth method."""
    yield "top", (), values
    if isinstance(values.get("general"), dict):
        yield "general", ("general",), values["general"]
    for place, dataset in members(values, (), "datasets"):
        if other_method(dataset):
            continue
        yield "datasets", place, dataset
        for inner, subset in members(dataset, place, "subsets"):
            yield "subsets", inner, subset


def other_method(dataset: dict[str, Any]) -> str:
    """The key that makes a dataset one for fine-tuning or ControlNet, which have schemas of their own."""
    found = [key for _, subset in members(dataset, (), "subsets") for key in OTHER_METHODS if key in subset]
    return found[0] if found else ""


def members(table: dict[str, Any], place: Place, key: str) -> Iterator[tuple[Place, dict[str, Any]]]:
    listed = table.get(key)
    for index, item in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(item, dict):
            yield (*place, key, index), item


def written(place: Place) -> str:
    """('datasets', 0, 'resolution') -> 'datasets[0].resolution'"""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{printable(part)}" for part in place)
    return text.removeprefix(".")
