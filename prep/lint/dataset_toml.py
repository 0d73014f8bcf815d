"""Can sd-scripts read a dataset.toml, and does its strict schema accept every key?

Nothing here looks at a folder; datasets.py knows what the values mean.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from prep.lint import fix, schema
from prep.lint.findings import Found, Rules
from prep.lint.toml_file import Place, TomlFile, members, other_method, tables, written

RULES = Rules(": ")


@RULES.rule(
    "toml-unread",
    "error",
    "not TOML, not UTF-8, or not readable",
    "sd-scripts stops before it loads a model",
    "correct the named line; strings need quotes, Windows paths single quotes",
)
def unread(file: TomlFile) -> Iterator[Found]:
    if file.values is None:
        yield Found(file.problem)


@RULES.rule(
    "toml-bom",
    "error",
    "begins with a byte-order mark",
    "the mark becomes part of the first key, which is then unknown",
    "save as UTF-8 without BOM",
    fixable=True,
)
def bom(file: TomlFile) -> Iterator[Found]:
    if file.bom:
        repair = partial(fix.without_bom, file.path) if file.values is not None else None
        yield Found("begins with a byte-order mark", fix=repair)


@RULES.rule(
    "toml-mixed-array",
    "error",
    "a list holds values of different types",
    "the old `toml` reader of sd-scripts refuses lists such as [1, 2.0]",
    "write all values as one type",
    fixable=True,
)
def mixed_array(file: TomlFile) -> Iterator[Found]:
    kinds = {(*place, key): schema.LEVELS[level].get(key, "") for level, place, table in _tables(file) for key in table}
    for place, value in _mixed(file.values or {}, ()):
        new = schema.converted(kinds.get(place, ""), value)
        repair = None if new is None else partial(fix.set_key, file.path, place, new)
        yield Found(f"{_shown(value)} mixes types", written(place), repair)


@RULES.rule(
    "toml-unknown-key",
    "error",
    "a key that sd-scripts does not know, or does not allow at this level",
    'its check is strict: "extra keys not allowed"',
    "correct the name, move the key, or remove it",
)
def unknown_key(file: TomlFile) -> Iterator[Found]:
    for level, place, table in _tables(file):
        for key in table:
            if key not in schema.LEVELS[level]:
                yield Found(schema.unknown_key(level, key), written((*place, key)))


@RULES.rule(
    "toml-type",
    "error",
    "a value of the wrong type",
    'its check is strict: 0 is not a float, "8" is not an integer',
    "write the value as the expected type",
    fixable=True,
)
def wrong_type(file: TomlFile) -> Iterator[Found]:
    for level, place, table in _tables(file):
        for key, value in table.items():
            kind = schema.LEVELS[level].get(key)
            if kind is None or schema.fits(kind, value) or _is_mixed(value):
                continue
            new = schema.converted(kind, value)
            repair = None if new is None else partial(fix.set_key, file.path, (*place, key), new)
            yield Found(f"{_shown(value)} where {kind} is expected", written((*place, key)), repair)


@RULES.rule(
    "toml-bool-number",
    "warning",
    "true or false where a number is expected",
    "it passes the check and counts as 1 or 0",
    "write the number",
)
def bool_number(file: TomlFile) -> Iterator[Found]:
    for level, place, table in _tables(file):
        for key, value in table.items():
            if isinstance(value, bool) and schema.LEVELS[level].get(key, "").startswith(("integer", "number")):
                yield Found(f"{_shown(value)} counts as {int(value)}", written((*place, key)))


@RULES.rule(
    "toml-no-image-dir",
    "error",
    "a subset without image_dir",
    "image_dir is the one key that a subset must have",
    'add the folder: image_dir = "..."',
)
def no_image_dir(file: TomlFile) -> Iterator[Found]:
    for level, place, table in _tables(file):
        if level == "subsets" and "image_dir" not in table:
            yield Found("has no image_dir", written(place))


@RULES.rule(
    "toml-no-dataset",
    "error",
    "no [[datasets]], or one without [[datasets.subsets]]",
    "there is nothing to train on",
    "add [[datasets]] and, under it, [[datasets.subsets]] with an image_dir",
)
def no_dataset(file: TomlFile) -> Iterator[Found]:
    if file.values is not None and not file.values.get("datasets"):
        yield Found("holds no [[datasets]]")
    for level, place, table in _tables(file):
        if level == "datasets" and not table.get("subsets"):
            yield Found("holds no [[datasets.subsets]]", written(place))


@RULES.rule(
    "toml-no-resolution",
    "error",
    "no resolution for a dataset",
    "resolution has no default",
    "set resolution = 1024 (or what the model was trained at) in [general] or [[datasets]]",
)
def no_resolution(file: TomlFile) -> Iterator[Found]:
    for level, place, table in _tables(file):
        general = file.values.get("general")
        if level == "datasets" and "resolution" not in {**table, **(general if isinstance(general, dict) else {})}:
            yield Found("has no resolution", written(place))


@RULES.rule(
    "toml-method",
    "note",
    "a dataset with metadata_file or conditioning_data_dir",
    "these belong to other training methods, with their own keys",
    "nothing; such a dataset is not checked here",
)
def method(file: TomlFile) -> Iterator[Found]:
    for place, dataset in members(file.values or {}, (), "datasets"):
        if key := other_method(dataset):
            yield Found(f"{key}: not checked", written(place))


def _tables(file: TomlFile) -> Iterator[tuple[str, Place, dict[str, Any]]]:
    return iter(()) if file.values is None else tables(file.values)


def _mixed(value: Any, place: Place) -> Iterator[tuple[Place, list]]:
    if _is_mixed(value):
        yield place, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _mixed(item, (*place, key))


def _is_mixed(value: Any) -> bool:
    return isinstance(value, list) and len({type(item) for item in value}) > 1


def _shown(value: Any) -> str:
    """As in TOML, shortened."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
