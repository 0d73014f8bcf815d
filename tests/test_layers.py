"""Imports point down, parts do not know one another, and heavy libraries stay where they belong (DESIGN, section 2)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import prep

ROOT = Path(prep.__file__).parent

PARTS = "taggers tagging captions generators checks exporters scan walk near quality lint machine".split()
LEVELS = {
    **dict.fromkeys(("types", "errors", "small_arrow", "heap"), 0),
    **dict.fromkeys(("files", "names", "lock", "registry", "report", "runners"), 1),
    **dict.fromkeys(("config", "images", "ledger", "weights"), 2),
    **dict.fromkeys(PARTS, 3),
    **dict.fromkeys(("settle", "starter", "progress"), 4),
    "context": 5,
    **dict.fromkeys(("handwork", "drawing"), 6),
    "stages": 7,
    **dict.fromkeys(("pipeline", "plan"), 8),
    **dict.fromkeys(("status", "redraw"), 9),
    "cli": 10,
    "__main__": 11,
}
# Parts that may use one another: scores become tags before they become text; a scan reads what a walk found.
MAY = {("captions", "tagging"), ("scan", "walk")}
TORCH = ("taggers", "generators", "starter")
HEAVY = {"torch", "diffusers", "transformers", "accelerate", "safetensors"}


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if "configs" not in path.parts)


def family(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> list[tuple[str, bool]]:
    """(module, whether at the top of the file) of every import."""
    tree = ast.parse(path.read_text())
    top = set(tree.body)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(name.name, node in top) for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"prep.{name.name}" for name in node.names] if node.module == "prep" else [node.module]
            found += [(name, node in top) for name in names]
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    own = family(path)
    if own == "__init__":
        assert imported(path) == []
        return
    assert own in LEVELS, f"{own} has no place among the layers"
    for name, _ in imported(path):
        if not name.startswith("prep."):
            continue
        other = name.split(".")[1]
        if other == own or (own, other) in MAY:
            continue
        assert LEVELS[other] < LEVELS[own], f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_torch_stays_with_the_models(path):
    for name, _ in imported(path):
        if name.split(".")[0] in HEAVY:
            # The doctor may look at torch, inside a function, to tell what it finds.
            assert family(path) in TORCH or family(path) == "machine", f"{path.relative_to(ROOT)} imports {name}"


def loaded_by(*arguments: str) -> set[str]:
    code = (
        "import sys\nfrom prep.cli import group\n"
        f"try: group.main({list(arguments)!r}, standalone_mode=False)\n"
        "except BaseException: pass\n"
        "print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["models"], ["status", "--help"], ["push", "--help"], ["export", "--help"]],
)
def test_help_and_lists_load_nothing_heavy(arguments):
    heavy = HEAVY | {"cv2", "pyarrow", "datasets", "huggingface_hub"}
    assert not loaded_by(*arguments) & (heavy - {"pyarrow"} if arguments == ["models"] else heavy)


def test_status_loads_neither_torch_nor_ray(tmp_path):
    from tests.pictures import folder_of
    from tests.run_helpers import prep as run

    art = folder_of(tmp_path / "art", mira=1)
    run("run", art, "--out", tmp_path / "out", "--to", "scan")
    assert not loaded_by("status", str(tmp_path / "out")) & (HEAVY | {"ray"})
