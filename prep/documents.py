"""Read JSON and TOML. The user may have changed any such file, and a disk may have damaged it: whatever it contains,
the result is one sentence, never a traceback, an endless read, or values that callers cannot handle.

Nothing here knows what a file should contain.
"""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prep.errors import SettingsError
from prep.files import read_file, what_is

DOCUMENT_BYTES = 16_000_000
DEEPEST = 100  # nested tables and lists; code that walks through them recurses once per level
WHOLE_NUMBERS = range(-(2**63), 2**63)  # as TOML guarantees, and Arrow can store


class DocumentError(ValueError):
    """What is wrong with a document, as a clause after its name: "has more than 16,000,000 bytes"."""


def read_json(path: Path, most_bytes: int = DOCUMENT_BYTES, follow: bool = False) -> Any:
    """The content of a JSON file. follow: also through a link. Raises FileNotFoundError, or else DocumentError."""
    return parse_json(_bytes(path, most_bytes, follow))


def read_toml(path: Path, most_bytes: int = DOCUMENT_BYTES, follow: bool = False) -> dict[str, Any]:
    """The content of a TOML file, with or without a byte-order mark. Raises like read_json."""
    return parse_toml(_bytes(path, most_bytes, follow).removeprefix(b"\xef\xbb\xbf"))


def read_named(path: str, setting: str) -> dict[str, Any]:
    """The content of the TOML file that a setting names. Raises SettingsError."""
    try:
        return read_toml(Path(path), follow=True)
    except FileNotFoundError:
        raise SettingsError(f"{setting}: {path} {what_is(Path(path))}", hint="name a TOML file") from None
    except DocumentError as error:
        raise SettingsError(f"{setting}: {path} {error}", hint="correct it, or name another file") from None


def parse_json(text: str | bytes) -> Any:
    """Raises DocumentError."""
    return _parsed(json.loads, "JSON", text)


def parse_toml(text: str | bytes) -> dict[str, Any]:
    """Raises DocumentError."""
    return _parsed(tomllib.loads, "TOML", text)


def _bytes(path: Path, most_bytes: int, follow: bool) -> bytes:
    try:
        return read_file(path, most_bytes, follow)
    except FileNotFoundError:
        raise
    except OSError as error:
        why = error.strerror or str(error)
        raise DocumentError(why if why.startswith(("is ", "has ")) else f"cannot be read ({why})") from None


def _parsed(loads: Callable[[str], Any], language: str, text: str | bytes) -> Any:
    try:
        found = loads(text.decode("utf-8") if isinstance(text, bytes) else text)
    except UnicodeDecodeError as error:
        raise DocumentError(f"is not UTF-8 at byte {error.start:,}") from None
    except (RecursionError, MemoryError):
        raise DocumentError(_TOO_DEEP) from None
    except ValueError as error:
        if "integer string conversion" in str(error):  # Python's own message is for programmers
            raise DocumentError(_TOO_LARGE) from None
        raise DocumentError(f"is not {language}: {str(error).splitlines()[0][:200]}") from None
    _check(found)
    return found


_TOO_DEEP = f"has brackets nested more than {DEEPEST} deep"
_TOO_LARGE = "has a number with more than 64 bits"


def _check(found: Any) -> None:
    """Raises DocumentError for nesting or numbers that callers cannot handle."""
    level, depth = [found], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise DocumentError(_TOO_DEEP)
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, int) and value not in WHOLE_NUMBERS:
                raise DocumentError(_TOO_LARGE)
        level = below
