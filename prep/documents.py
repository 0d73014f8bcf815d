"""JSON and TOML, read. A person may have changed any such file, and a disk may have damaged it: whatever stands there,
it is one sentence and no traceback, no endless read and no surprise for whoever looks at the values.

Nothing here knows what a file should say.
"""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prep.files import read_file

DOCUMENT_BYTES = 16_000_000
DEEPEST = 100  # tables and lists within one another; what walks through them calls itself once per level
WHOLE_NUMBERS = range(-(2**63), 2**63)  # as TOML promises, and Arrow holds


class DocumentError(ValueError):
    """What is wrong with a document, to be said after its name: "has more than 16,000,000 bytes"."""


def read_json(path: Path, most_bytes: int = DOCUMENT_BYTES, follow: bool = False) -> Any:
    """What a JSON file says. follow: also through a link. Raises FileNotFoundError, and DocumentError for all else."""
    return parse_json(_bytes(path, most_bytes, follow))


def read_toml(path: Path, most_bytes: int = DOCUMENT_BYTES, follow: bool = False) -> dict[str, Any]:
    """What a TOML file says, with a byte-order mark or without. Raises as read_json."""
    return parse_toml(_bytes(path, most_bytes, follow).removeprefix(b"\xef\xbb\xbf"))


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
        if "integer string conversion" in str(error):  # Python's own words speak to programmers
            raise DocumentError(_TOO_LARGE) from None
        raise DocumentError(f"is not {language}: {str(error).splitlines()[0][:200]}") from None
    _check(found)
    return found


_TOO_DEEP = f"has brackets more than {DEEPEST} deep"
_TOO_LARGE = "has a number of more than 64 bits"


def _check(found: Any) -> None:
    """Raises DocumentError for what no caller could walk through or count with."""
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
