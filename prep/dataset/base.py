"""The base model that a finished set's captions are for, from its manifest, and what its trainer is told."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prep.captions.forms import FORMS
from prep.dataset.rows import manifest_facts
from prep.dataset.training import TRAINERS
from prep.errors import PrepError
from prep.lint.base import Base
from prep.lint.toml_file import read_toml


def base_name(settings: Mapping[str, Any]) -> str:
    """settings: those of a manifest. -> the name as in `captions.for`; empty: none, or one that is not known here."""
    captions = settings.get("captions")
    name = captions.get("for", "") if isinstance(captions, Mapping) else ""
    return name if isinstance(name, str) and name in FORMS else ""


def base_around(path: Path) -> Base | None:
    """Of the OUT that a path names, or that it lies in: OUT/kohya, one of its folders, or its dataset.toml.

    None: it is in no OUT, the set is not finished or not readable, or its captions are for no model in particular.
    """
    here = path.absolute()
    for out in (here, *here.parents[:3]):
        if out == here or here.is_relative_to(out / "kohya"):
            try:
                name = base_name(manifest_facts(out)["settings"])
            except (OSError, PrepError, ValueError):
                continue
            return Base(FORMS[name], _options(out / "kohya" / TRAINERS[name].file)) if name else None
    return None


def _options(path: Path) -> dict[str, Any]:
    """The file of options as trainers read it, tables opened; empty if it cannot be read."""
    values = read_toml(path, path.name).values or {}
    tables = [value if isinstance(value, dict) else {key: value} for key, value in values.items()]
    return {key: value for table in tables for key, value in table.items()}
