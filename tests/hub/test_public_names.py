"""Pushing relies on what other packages promise: their public names alone."""

import ast
from pathlib import Path

import pytest

import prep

OWN = ("prep", "tests")
FILES = [*(Path(prep.__file__).parent / "hub").glob("*.py"), *Path(__file__).parent.glob("*.py")]


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_names(source: str) -> list[str]:
    """Private names of other packages: imported, read from what is not `self`, or named in a string."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] not in OWN:
                found += [part for part in [*module.split("."), *(each.name for each in names)] if is_private(part)]
            case ast.Import(names=names):
                found += [part for each in names for part in each.name.split(".") if is_private(part)]
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner != "self" and is_private(name):
                found.append(name)
            case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(name)), *_]) if is_private(name):
                found.append(name)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_private_name_of_another_package_is_used(path):
    assert private_names(path.read_text()) == []


def test_each_way_to_a_private_name_is_seen():
    source = "from a._b import c\nfrom a import _c\nimport a._d\na._e\ngetattr(a, '_f', None)\nself._own\na.public"
    assert sorted(private_names(source)) == ["_b", "_c", "_d", "_e", "_f"]
