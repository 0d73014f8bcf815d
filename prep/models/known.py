"""The models of all families that prep knows by name. Listing them fetches nothing."""

from pathlib import Path

from prep.errors import UsageError
from prep.registry import FAMILIES, ModelSpec, family, nearest

PACKAGE = Path(__file__).parent.parent / "starter"


def all_known() -> list[ModelSpec]:
    """The models that ship with prep by name, taggers first."""
    return [spec for role in FAMILIES for spec in family(role).specs()]


def known(name: str) -> ModelSpec:
    """Raises UsageError with the nearest name."""
    families = [family(role) for role in FAMILIES]
    name = next((each.aliases[name] for each in families if name in each.aliases), name)
    for each in families:
        if name in each.names() and (spec := each.spec(name)).files:
            return spec
    names = [spec.name for spec in all_known()]
    raise UsageError(f"no weights are called {name}", hint=nearest(name, names))
