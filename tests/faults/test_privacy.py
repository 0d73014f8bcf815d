"""Nothing of the person or the machine is in what is written, but under .prep/ and inside images copied to the byte."""

import getpass
import os
import socket
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from prep.formats import FORMATS
from tests.support.pictures import drawing, save, tiny_checkpoint
from tests.support.processes import SMALL

TOKEN = "hf_canaryCANARYcanary"
PLACE = (51.0, 28.0, 38.0)
COMMENT = "canary-artist-name"


# They name folders by absolute paths, since these trainers are started elsewhere: docs/FORMATS.md.
CONFIGS = {
    "export/ai-toolkit/config.yaml",
    "export/onetrainer/concepts.json",
    "export/simpletuner/multidatabackend.json",
}


def with_gps(path, **options) -> None:
    exif = Image.Exif()
    exif[0x013B] = COMMENT
    exif.get_ifd(0x8825).update({1: "N", 2: PLACE, 3: "W", 4: PLACE, 29: "2031:04:05"})
    save(drawing(len(path.name)), path, exif=exif, **options)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("canary-root")
    home = root / "canary-home" / "canary-person"
    home.mkdir(parents=True)
    src, out = home / "art", home / "sets" / "art"
    with_gps(src / "mira" / "plain.jpg")
    with_gps(src / "mira" / "rotated.tif")
    with_gps(src / "noa" / "a.png")
    (src / "noa" / "cut.png").write_bytes((src / "noa" / "a.png").read_bytes()[:300])
    (src / "noa" / "page.jpg").write_text("<html>")
    tagger = tiny_checkpoint(home / "tiny.safetensors")
    (home / "list.txt").write_text("comic")
    command = [sys.executable, "-m", "prep", "run", src, "--out", out, "--set", f"tagger.model={tagger}", *SMALL]
    command += ["--set", f"filter.file={home / 'list.txt'}", "--set", f"profile.intrinsic={home / 'list.txt'}"]
    environment = {**os.environ, "HOME": str(home), "USER": "canary-person", "HF_TOKEN": TOKEN}
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    return root, out


def test_no_canary_is_in_any_file(made):
    root, out = made
    canaries = [
        TOKEN,
        COMMENT,
        "2031:04:05",
        "canary-person",
        "canary-home",
        str(root),
        str(root.name),
        getpass.getuser(),
    ]
    canaries = [canary.encode() for canary in [*canaries, socket.gethostname()] if len(canary) > 4 or canary == "root"]
    searched = 0
    for path in out.rglob("*"):
        inside = path.relative_to(out).parts
        if not path.is_file() or inside[0] == ".prep":
            continue
        data = path.read_bytes()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            data += repr((table.to_pylist(), table.schema.metadata)).encode()
        if path.suffix == ".jpg" or path.suffix == ".png" and b"eXIf" in data and not _baked(path):
            continue  # copied to the byte: what it holds is the person's own
        searched += 1
        for canary in canaries:
            assert canary not in data, f"{canary!r} in {path.relative_to(out)}"
    assert searched > 6


def _baked(path) -> bool:
    with Image.open(path) as image:
        return not image.getexif()


def test_a_baked_image_holds_nothing_but_its_pixels(made):
    _, out = made
    source = {row["source"]: row["file"] for row in pq.read_table(out / "manifest.parquet").to_pylist()}
    with Image.open(out / source["mira/rotated.tif"]) as image:
        assert not image.getexif() and not image.info


def test_state_that_stays_at_home_holds_no_token(made):
    _, out = made
    for path in (out / ".prep").rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()


def test_no_path_token_or_host_is_in_what_was_drawn_and_in_any_view(painted, typed, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    painted.run()
    formats = [word for name in FORMATS.members for word in ("--to", name)]
    assert typed("export", painted.out, *formats).code == 0
    weights = next(each for each in painted.sets if each.startswith("generator.model=")).partition(":")[2]
    canaries = [TOKEN, str(painted.out.parent), str(Path(weights).parent), socket.gethostname()]
    canaries = [canary for canary in canaries if len(canary) > 4]
    searched, named = 0, set()
    for path in painted.out.rglob("*"):
        inside = path.relative_to(painted.out)
        if inside.parts[0] == ".prep" or path.is_dir():
            continue
        if path.is_symlink():
            assert not path.readlink().is_absolute(), inside
            continue
        data = path.read_bytes()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            data += repr((table.to_pylist(), table.schema.metadata)).encode()
        searched += 1
        found = [canary for canary in canaries if canary.encode() in data]
        if found == [str(painted.out.parent)] and inside.parts[0] == "export":
            named.add(str(inside))
        else:
            assert not found, inside
    assert named == CONFIGS
    assert searched > 30 and len(FORMATS.members) == len(list((painted.out / "export").iterdir()))
