"""OUT/settings.toml, where the user's settings of one set are: a value is read and written, and the rest stays.

What would not be read back as it was meant is not written.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from prep.config import OWN, TOML_BYTES
from prep.documents import DocumentError, read_toml
from prep.errors import UsageError
from prep.files import read_file, write_whole

HEAD = "Settings of this set alone. They lie above SRC's prep.toml; `prep review` writes here, and so may you."
MOST_BYTES = 100_000  # of a file that is changed: the library that keeps comments takes seconds for more
BOM, CRLF = "\ufeff", "\r\n"
Key = Sequence[str]  # names of tables, the last one of the value: ("characters", "Dr. X", "keep")


def read_settings(out: Path) -> dict[str, Any]:
    """All of the file. Raises UsageError when it cannot be read."""
    try:
        return read_toml(out / OWN, TOML_BYTES)
    except FileNotFoundError:
        return {}
    except DocumentError as error:
        raise UsageError(f"{out / OWN} {error}", hint="correct that file") from None


def found_in(values: Mapping[str, Any], key: Key) -> Any:
    """The value at the key; None: not set."""
    found: Any = values
    for name in key:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def with_values(values: Mapping[str, Any], changes: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """A copy with these values; None takes one out, and tables that are empty then. Raises UsageError."""
    found = deepcopy(dict(values))
    for key, value in changes.items():
        _put(found, key, value, dict)
    return found


def changed_text(out: Path, changes: Mapping[tuple[str, ...], Any]) -> str:
    """The file's text with these values. Raises UsageError when that cannot be done without changing the rest."""
    path = out / OWN
    before = read_settings(out)
    text = read_file(path, TOML_BYTES).decode() if path.exists() else ""
    if len(text) > MOST_BYTES:
        raise UsageError(f"{path} has more than {MOST_BYTES:,} bytes", hint="write the setting there by hand")
    plain = text.removeprefix(BOM).replace(CRLF, "\n")
    try:
        document = tomlkit.parse(plain)
        if not plain.strip():
            document.add(tomlkit.comment(HEAD))
        for key, value in changes.items():
            _put(document, key, value, tomlkit.table)
        after = tomlkit.dumps(document)
        if None in changes.values():  # the blank line above a table that is gone
            after = after.rstrip("\n") + "\n" if after.strip() else ""
        if tomllib.loads(after) != with_values(before, changes):
            raise ValueError
    except (TOMLKitError, ValueError, KeyError, TypeError, AttributeError):
        wanted = "; ".join(f"{'.'.join(key)} = {value}" for key, value in changes.items())
        raise UsageError(
            f"{path} has a form that cannot be changed without touching the rest", hint=f"write there by hand: {wanted}"
        ) from None
    after = after.replace("\n", CRLF) if CRLF in text else after
    return BOM + after if text.startswith(BOM) else after


def write_settings(out: Path, text: str) -> None:
    """text: of changed_text."""
    path = out / OWN
    mode = path.stat().st_mode if path.exists() else None
    write_whole(path, text.encode(), sync=True)
    if mode is not None:
        path.chmod(mode & 0o777)


def as_name(key: Key) -> str:
    """One text for the history."""
    return json.dumps([*key], ensure_ascii=False)


def as_key(name: str) -> tuple[str, ...]:
    """Of the text in the history."""
    return tuple(json.loads(name))


def _put(document: Any, key: Key, value: Any, table: Any) -> None:
    """table: makes an empty one. Raises UsageError when something else is in the way."""
    tables = [document]
    for at, name in enumerate(key[:-1]):
        if name not in tables[-1]:
            if value is None:
                return
            # [characters.sylvie], not [characters] and below it [characters.sylvie]
            tables[-1][name] = table(is_super_table=at < len(key) - 2) if table is tomlkit.table else table()
        tables.append(tables[-1][name])
        if not isinstance(tables[-1], dict):
            if value is None:
                return
            raise UsageError(f"{OWN}: {'.'.join(key[: at + 1])} is not a table", hint="correct that file")
    if value is not None:
        _assign(tables[-1], key[-1], value)
        return
    tables[-1].pop(key[-1], None)
    for above, name in zip(reversed(tables[:-1]), reversed(key[:-1]), strict=True):
        if not len(above[name]) and "#" not in str(getattr(above[name], "as_string", str)()):
            above.pop(name)


def _assign(table: Any, name: str, value: Any) -> None:
    """A list is changed in place, so that comments in it stay."""
    there = table.get(name)
    if isinstance(there, tomlkit.items.Array) and isinstance(value, list):
        for each in [each for each in there if each not in value]:
            there.remove(each)
        for each in value:
            if each not in there:
                there.append(each)
        if [*there] == value:
            return
    table[name] = value
