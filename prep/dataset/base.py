"""The base model that a finished set's captions are for, from its manifest, and what its trainer is told."""

from pathlib import Path
from typing import Any

from prep.captions.forms import FORMS
from prep.dataset.finished import base_of
from prep.dataset.rows import manifest_facts
from prep.dataset.training import TRAINERS
from prep.errors import PrepError
from prep.lint.base import Base
from prep.lint.toml_file import read_toml

EXPORT = "export"


def base_around(path: Path) -> Base | None:
    """Of the set that a path names or lies in: OUT, OUT/kohya, OUT/export/kohya-BASE, or what is in one of these.

    None: it is in no OUT, the set is not finished or not readable, or its captions are for no model in particular.
    """
    here = path.absolute()
    for out in (here, *here.parents[:3]):
        inside = here.relative_to(out).parts
        if inside and inside[0] not in ("kohya", EXPORT):
            continue
        try:
            settings = manifest_facts(out)["settings"]
        except (OSError, PrepError, ValueError):
            continue
        if inside[:1] != (EXPORT,):
            name, folder = base_of(settings), out / "kohya"
        elif len(inside) > 1:
            name, folder = inside[1].removeprefix("kohya-"), out / EXPORT / inside[1]
        else:
            continue
        return Base(FORMS[name], _options(folder / TRAINERS[name].file)) if name in FORMS else None
    return None


def _options(path: Path) -> dict[str, Any]:
    """The file of options as trainers read it, tables opened; empty if it cannot be read."""
    values = read_toml(path, path.name).values or {}
    tables = [value if isinstance(value, dict) else {key: value} for key, value in values.items()]
    return {key: value for table in tables for key, value in table.items()}
