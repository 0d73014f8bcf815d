"""Names of a family's members: those that ship, and those that other packages add through entry points."""

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from prep.errors import UsageError


def load_named(name: str, own: Mapping[str, str], group: str, unknown: type[UsageError], told: str) -> Any:
    """The class or function of that name. own: name -> `module:attribute`, imported only now; group: of entry points.

    unknown, told: the error and how it begins for a name that nobody has.
    """
    if name in own:
        module, _, attribute = own[name].partition(":")
        return getattr(importlib.import_module(module), attribute)
    others = {point.name: point for point in entry_points(group=group)}
    if name not in others:
        raise unknown(f"{told} is called {name}", hint=f"known: {', '.join([*own, *sorted(others)])}")
    return others[name].load()
