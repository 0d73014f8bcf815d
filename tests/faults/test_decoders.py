"""Pillow's own collection of broken, hostile and odd images, through the one door and through a whole run."""

import subprocess
import sys
import tarfile

import PIL
import pytest

from prep.errors import ImageError
from prep.images import open_image
from tests.support.processes import run_to_end
from tests.support.runs import manifest, tree

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Tests/images/ of Pillow's source package, of the version that is installed."""
    root = tmp_path_factory.mktemp("pillow")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", "--dest", root]
    done = subprocess.run([*command, f"pillow=={PIL.__version__}"], capture_output=True, text=True, check=False)
    packages = list(root.glob("*.tar.gz"))
    if done.returncode or not packages:
        pytest.skip("Pillow's source package cannot be fetched")
    with tarfile.open(packages[0]) as archive:
        archive.extractall(root, filter="data")
    (images,) = root.glob("*/Tests/images")
    (root / "art").mkdir()
    return images.rename(root / "art" / "images")  # a character of many pictures


def test_every_file_opens_or_is_an_image_error(corpus, figure):
    opened, refused, crashes = 0, {}, 0
    for path in sorted(corpus.rglob("*")):
        if path.is_file():
            crashes += path.name.startswith("crash-")
            try:
                picture = open_image(path.read_bytes(), 50_000_000)
            except ImageError as error:
                refused.setdefault(error.kind, []).append(path.name)
                # The same sentence each time: it becomes a line in problems.txt.
                assert "\n" not in str(error) and "object at 0x" not in str(error), str(error)
            else:
                assert picture.pixels.dtype == "uint8" and picture.pixels.shape[2] == 3
                opened += 1
    reasons = ", ".join(f"{len(names)} {kind}" for kind, names in refused.items())
    figure(f"{opened + sum(map(len, refused.values())):,} files, {crashes} of them crash-*: {opened} opened, {reasons}")
    assert opened > 300 and set(refused) <= {"empty", "not_an_image", "too_large", "damaged"}
    assert {"not_an_image", "damaged"} <= set(refused)


def test_a_run_over_all_of_it_ends_and_says_the_same_twice(corpus, tmp_path, tiny_tagger, figure):
    code, _, told = run_to_end(corpus.parent, tmp_path / "out", tiny_tagger, "--set", "scan.max_pixels=50_000_000")
    assert code == 1 and "Traceback" not in told, told
    rows = manifest(tmp_path / "out")
    kept = sum(row["status"] == "kept" for row in rows)
    figure(f"{len(rows):,} rows, {kept} kept, 0 tracebacks, 0 lost workers")
    assert len(rows) > 500 and not [row["source"] for row in rows if row["reason"] == "crash"]
    assert run_to_end(corpus.parent, tmp_path / "again", tiny_tagger, "--set", "scan.max_pixels=50_000_000")[0] == 1
    assert tree(tmp_path / "out") == tree(tmp_path / "again")
