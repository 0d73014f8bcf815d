"""What a person gets who installs prep: the package, its configurations and the starter's weights, and no more."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """The files of the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = folder.glob("prep_lora-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def tracked(folder: str) -> set[str]:
    listed = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(listed.stdout.splitlines())


def test_the_wheel_holds_the_package_with_its_configurations_and_weights(names):
    assert {f"prep/{path}" for path in tracked("configs")} | tracked("prep") <= names
    assert {f"prep/starter/{model}.safetensors" for model in ("tagger", "generator", "witness")} <= names
    assert "prep/configs/default.toml" in names and "prep/starter/tokenizer/tokenizer.json" in names


def test_the_wheel_holds_nothing_else(names):
    assert {name.split("/")[0] for name in names if not re.match(r"prep_lora-[\w.]+\.dist-info/", name)} == {"prep"}
