"""OUT/settings.toml, where the user's settings of one set are: a value is read and written, and nothing else changes.

Comments, order and spelling of the rest stay.
"""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from prep.config import OWN, TOML_BYTES
from prep.errors import UsageError
from prep.files import read_file, write_whole

HEAD = "Settings of this set alone. They lie above SRC's prep.toml; `prep review` writes here, and so may you."
Key = Sequence[str]  # names of tables, the last one of the value: ("characters", "Dr. X", "keep")


def setting(out: Path, key: Key) -> Any:
    """The value there; None: not set. Raises UsageError when the file cannot be read."""
    found: Any = _read(out).unwrap()
    for name in key:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def write_setting(out: Path, key: Key, value: Any) -> None:
    """value: what TOML can have; None: the value goes, and with it tables that are empty then.

    Raises UsageError when the file cannot be read, or has something else where a table is wanted.
    """
    document = _read(out)
    if value is None:
        _remove(document, key)
    else:
        if not document.as_string().strip():
            document.add(tomlkit.comment(HEAD))
        _table(document, key[:-1])[key[-1]] = value
    text = tomlkit.dumps(document)
    if value is None:  # the blank line above a table that is gone
        text = text.rstrip("\n") + "\n" if text.strip() else ""
    tomllib.loads(text)  # what is written can be read
    write_whole(out / OWN, text.encode(), sync=True)


def as_name(key: Key) -> str:
    """One text for the history."""
    return json.dumps([*key], ensure_ascii=False)


def as_key(name: str) -> tuple[str, ...]:
    """Of the text in the history."""
    return tuple(json.loads(name))


def _read(out: Path) -> tomlkit.TOMLDocument:
    path = out / OWN
    try:
        return tomlkit.parse(read_file(path, TOML_BYTES).decode("utf-8-sig"))
    except FileNotFoundError:
        return tomlkit.document()
    except (OSError, UnicodeDecodeError, TOMLKitError, ValueError) as error:
        why = str(getattr(error, "strerror", None) or error).splitlines()[0]
        raise UsageError(f"{path} cannot be read: {why}", hint="correct that file") from None


def _table(document: Any, names: Key) -> Any:
    for at, name in enumerate(names):
        if name not in document:
            # [characters.sylvie], not [characters] and below it [characters.sylvie]
            document[name] = tomlkit.table(is_super_table=at < len(names) - 1)
        document = document[name]
        if not isinstance(document, dict):
            raise UsageError(f"{OWN}: {'.'.join(names[: at + 1])} is not a table", hint="correct that file")
    return document


def _remove(document: Any, key: Key) -> None:
    tables = [document]
    for name in key[:-1]:
        if not isinstance(tables[-1].get(name), dict):
            return
        tables.append(tables[-1][name])
    tables[-1].pop(key[-1], None)
    for table, name in zip(reversed(tables[:-1]), reversed(key[:-1]), strict=True):
        if not len(table[name]) and "#" not in table[name].as_string():
            table.pop(name)
