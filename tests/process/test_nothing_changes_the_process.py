"""prep in somebody else's process leaves it as it was; only cli/ and a worker's start ask prep/process/ for more."""

import ast
import subprocess
import sys
from pathlib import Path

import prep
from tests.support.pictures import folder_of

ROOT = Path(prep.__file__).parent
ASKED_FOR = {"keep_arrow_small", "trust_our_own_limits", "keep_freed_memory", "freed_memory_kept", "interruptible"}

# What other libraries change when they are imported is theirs: they come first.
CODE = """
import ctypes, importlib, logging, os, signal, sys, warnings
from pathlib import Path

asked = []
class Library(ctypes.CDLL):
    def __getattr__(self, name):
        asked.append(name)
        return super().__getattr__(name)
ctypes.CDLL = Library

import cv2, datasets, diffusers, huggingface_hub, transformers
from PIL import Image
import pyarrow.parquet
from transformers import CLIPTextModel, T5EncoderModel

def state():
    return {
        "Pillow's limit": Image.MAX_IMAGE_PIXELS,
        "filters": list(warnings.filters),
        "meta_path": list(sys.meta_path),
        "environment": sorted(os.environ),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "logging": (logging.getLogger("prep").level, logging.getLogger("prep").handlers, logging.getLogger().handlers),
        "Arrow's memory": pyarrow.default_memory_pool().backend_name,
    }

before = state()
art, out, *names = sys.argv[1:]
for name in names:
    importlib.import_module(name)

def same():
    for name, value in state().items():
        assert value == before[name], (name, before[name], value)
    assert not {"mallopt", "malloc_trim"} & set(asked), asked

same()
from prep.config import load_settings
from prep.pipeline import road
from prep.run import Options
from prep.runners import load_runner
settings = load_settings(Path(art), None, ("tagger.model=starter", "generator.model=none"))
result = road.run(Path(art), Path(out), settings, Options(), load_runner("local"))
assert result.exit_code == 0
same()
"""


def modules() -> dict[str, Path]:
    """Every module of prep but the command line's."""
    paths = [path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in ("cli", "__main__.py")]
    names = {".".join(path.relative_to(ROOT.parent).with_suffix("").parts): path for path in paths}
    return {name.removesuffix(".__init__"): path for name, path in names.items()}


def test_importing_all_of_prep_and_running_it_changes_nothing(tmp_path):
    art = folder_of(tmp_path / "art", mira=3)
    command = [sys.executable, "-c", CODE, art, tmp_path / "out", *modules()]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr


def test_only_the_command_line_the_service_and_a_workers_start_ask():
    for name, path in modules().items():
        if name.startswith("prep.process."):
            continue
        imported = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("prep.process")
            for alias in node.names
        }
        may = name in ("prep.runners.local", "prep.runners._worker") or name.startswith("prep.service.")
        assert not imported & ASKED_FOR or may, f"{name} imports {imported & ASKED_FOR}"
