"""Imports point down, parts do not know one another, and heavy libraries stay where they belong (DESIGN, section 2)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import prep
from tests.support.windows.posix_only import MODULES as POSIX
from tests.support.windows.posix_only import OS, SIGNAL

ROOT = Path(prep.__file__).parent

# From the ground up; DESIGN.md, section 2. A room imports from lower lines alone.
HOUSE = """
types errors system blocks index
names book winners
files typed meant
registry process protocols documents masked
remote
options parts png_chunks
sections
config images ledger
shelved
run tensors aside
taggers generators witnesses detectors runners tagging checks
models scan captions composites
captioners crops lint
machine jobs
edits
dataset drawing
formats hub report
pipeline
web
service review
cli
__main__
"""
LEVELS = {room: level for level, line in enumerate(HOUSE.strip().splitlines()) for room in line.split()}
TORCH = ("taggers", "generators", "witnesses", "captioners", "tensors")
WEB = {"fastapi", "uvicorn", "starlette", "prometheus_client"}
HEAVY = {"torch", "diffusers", "transformers", "accelerate", "safetensors"}
PLOTS = {"pygal"}


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
        if other == own:
            continue
        assert LEVELS[other] < LEVELS[own], f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_begins_with_an_underscore_is_its_own_rooms(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("prep."):
            room = node.module.split(".")[1]
            names = [*node.module.split("."), *(name.name for name in node.names)]
            private = [name for name in names if name.startswith("_") and not name.startswith("__")]
            assert not private or room == family(path), f"{path.relative_to(ROOT)} imports {private} of {room}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_torch_stays_with_the_models(path):
    for name, _ in imported(path):
        if name.split(".")[0] in HEAVY:
            # The doctor may look at torch, inside a function, to tell what it finds.
            assert family(path) in TORCH or family(path) == "machine", f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_web_stays_with_the_servers(path):
    for name, _ in imported(path):
        web = name.split(".")[0] in WEB
        assert not web or family(path) in ("web", "service", "review"), f"{path.relative_to(ROOT)} imports {name}"


def test_ray_stays_with_its_runner_and_is_imported_when_it_runs():
    for path in modules():
        for name, top in imported(path):
            if name.split(".")[0] == "ray":
                assert path.parent.name == "runners" and "ray" in path.name and not top, f"{path} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_plots_are_drawn_only_when_a_report_is_made(path):
    for name, top in imported(path):
        assert name.split(".")[0] not in PLOTS or family(path) == "report" and not top, f"{path} imports {name}"


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
    [["--help"], ["models"], *([name, "--help"] for name in ("run", "status", "report", "push", "export", "serve"))],
)
def test_help_and_lists_load_nothing_heavy(arguments):
    heavy = HEAVY | WEB | PLOTS | {"cv2", "pyarrow", "datasets", "huggingface_hub"}
    # The list of models asks huggingface_hub where its cache is.
    assert not loaded_by(*arguments) & (heavy - {"pyarrow", "huggingface_hub"} if arguments == ["models"] else heavy)


def test_status_loads_neither_torch_nor_ray(tmp_path):
    from tests.support.pictures import folder_of
    from tests.support.runs import prep as run

    art = folder_of(tmp_path / "art", mira=1)
    run("run", art, "--out", tmp_path / "out", "--to", "scan")
    assert not loaded_by("status", str(tmp_path / "out")) & (HEAVY | PLOTS | {"ray"})


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_windows_lacks_is_used_in_one_file(path):
    if family(path) == "system":
        return
    lacking = {"os": OS, "signal": SIGNAL}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert node.attr not in lacking.get(node.value.id, ()), f"{node.attr} belongs in system.py"
    assert not {name.partition(".")[0] for name, _ in imported(path)} & POSIX


def test_a_generator_is_made_without_what_only_drawing_needs():
    code = "import sys, prep.generators.sd35.generator; print(*({'diffusers', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
