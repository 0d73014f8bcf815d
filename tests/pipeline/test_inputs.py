"""Whatever a run reads is looked at: each kind of change is noticed, and nothing is read that is not looked at."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from prep.models.hashes import cache_folder
from prep.pipeline import inputs
from prep.pipeline.inputs import ChangedError, looked_at
from tests.support.person import Art, small
from tests.support.runs import prep

HOUR_NS = 3600 * 10**9


@pytest.fixture(scope="module")
def settled(begun, tmp_path_factory) -> Art:
    """A finished set, one for all tests of this file: each compares it with what it was right before."""
    root = tmp_path_factory.mktemp("settled")
    subprocess.run(["cp", "-r", f"{begun}/.", str(root)], check=True)
    (root / "words.txt").write_text("smile\n")
    (root / "art" / "prep.toml").write_text("")
    (root / "art" / "mira" / "link.png").symlink_to("000.png")
    (root / "out" / "settings.toml").write_text("")
    (root / "out" / "generated" / "mira" / "consistency").mkdir(parents=True, exist_ok=True)
    small(3, root / "out" / "generated" / "mira" / "consistency" / "0123.png")
    return Art(root, root)


def look(art: Art, at_ns: int) -> str:
    return looked_at(art.art, art.out, [str(art.out.parent / "words.txt")], at_ns)


def test_files_beside_a_named_model_and_links_in_a_named_folder_count(tmp_path, settled, monkeypatch):
    model, linked = tmp_path / "x" / "model.onnx", tmp_path / "real" / "config.json"
    for path in (model, model.with_name("selected_tags.csv"), linked):
        path.parent.mkdir(exist_ok=True)
        path.write_text("before")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "text_encoder").symlink_to(linked.parent)
    fonts = tmp_path / "fonts"
    fonts.mkdir()
    monkeypatch.setattr(inputs, "font_folders", lambda: [fonts, tmp_path / "no fonts"])

    def now() -> str:
        return looked_at(settled.art, settled.out, [f"wd:{model}", str(tmp_path / "folder")], time.time_ns() + HOUR_NS)

    for path in (model.with_name("selected_tags.csv"), linked, fonts / "cyrillic.ttf"):
        before = now()
        path.write_text("after, and longer")
        assert now() != before


def test_a_named_folder_that_is_a_mount_is_not_looked_through(settled, tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == str(tmp_path))
    with pytest.raises(ChangedError):
        looked_at(settled.art, settled.out, [str(tmp_path)], time.time_ns() + HOUR_NS)


def first(art: Art, pattern: str) -> Path:
    return next(iter(sorted(art.out.parent.glob(pattern))))


def touched(path: Path) -> None:
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))


def with_another_pixel(path: Path) -> None:
    """Of the same size and time."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Art], object]] = {
    "a picture is touched": lambda art: touched(art.art / "mira" / "000.png"),
    "a picture has other bytes": lambda art: with_another_pixel(art.art / "mira" / "001.png"),
    "a picture comes": lambda art: small(77, art.art / "mira" / "new.png"),
    "a picture goes": lambda art: first(art, "art/mira/new.png").unlink(),
    "a picture is renamed": lambda art: (art.art / "noa/000.png").rename(art.art / "noa/001.png"),
    "a character comes": lambda art: (art.art / "zoe").mkdir(),
    "a hidden folder gets a file": lambda art: (
        (art.art / ".store").mkdir(), (art.art / ".store" / "note.txt").write_text("x")
    ),
    "a caption in SRC": lambda art: (art.art / "mira" / "000.txt").write_text("smile"),
    "a link in SRC leads elsewhere": lambda art: (
        (art.art / "mira/link.png").unlink(), (art.art / "mira/link.png").symlink_to("002.png")
    ),
    "a caption is edited": lambda art: first(art, "out/kohya/*_mira/*.txt").write_text("mira, smile"),
    "a caption is emptied": lambda art: first(art, "out/kohya/*_mira/*.txt").write_text("\n"),
    "a caption goes": lambda art: first(art, "out/kohya/*_mira/*.txt").unlink(),
    "a picture in kohya/ goes": lambda art: first(art, "out/kohya/*_noa/*.png").unlink(),
    "a folder in kohya/ is renamed": lambda art: first(art, "out/kohya/*_noa").rename(art.out / "kohya" / "3_noa"),
    "dataset.toml is edited": lambda art: touched(art.out / "kohya" / "dataset.toml"),
    "a drawn picture goes": lambda art: first(art, "out/generated/mira/consistency/*.png").unlink(),
    "settings.toml": lambda art: (art.out / "settings.toml").write_text("[captions]\nmax_tags = 3\n"),
    "prep.toml": lambda art: (art.art / "prep.toml").write_text("[captions]\nmax_tags = 3\n"),
    "a list that the settings name": lambda art: (art.out.parent / "words.txt").write_text("frown\n"),
    "a part of the ledger goes": lambda art: first(art, "out/.prep/ledger/caption/*.parquet").unlink(),
    "the manifest is edited": lambda art: with_another_pixel(art.out / "manifest.parquet"),
    "the manifest goes": lambda art: (art.out / "manifest.parquet").unlink(),
    "something is set aside": lambda art: (
        (art.out / "set_aside").mkdir(), (art.out / "set_aside" / "x.txt").write_text("mine")
    ),
    "a change waits": lambda art: (
        (art.out / ".prep/waiting").mkdir(), (art.out / ".prep/waiting/1.json").write_text("{}")
    ),
    "the last settings": lambda art: touched(art.out / ".prep" / "config.json"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_each_change_is_noticed(settled, what):
    at_ns = time.time_ns()
    before = look(settled, at_ns)
    assert look(settled, at_ns) == before
    CHANGES[what](settled)
    with suppress(ChangedError):
        assert look(settled, at_ns) != before


def test_a_model_that_arrives_is_noticed(settled, tmp_path, monkeypatch):
    at_ns = time.time_ns()
    before = look(settled, at_ns)
    monkeypatch.setenv("PREP_MODELS", str(tmp_path))
    own = look(settled, at_ns)
    assert own != before
    witness = tmp_path / "ccip" / "model_feat.onnx"
    witness.parent.mkdir()
    witness.write_bytes(b"a witness")
    os.utime(witness, ns=(0, 0))
    arrived = look(settled, time.time_ns())
    assert arrived != own
    kept = cache_folder() / "models" / "isnetis" / "isnetis.onnx"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"a matting model")
    assert look(settled, time.time_ns()) != arrived


def test_another_prep_or_package_is_noticed(settled, tmp_path, monkeypatch):
    at_ns = time.time_ns()
    before = look(settled, at_ns)
    with monkeypatch.context() as patch:
        patch.setattr(inputs, "version", lambda name: "9.9.9")
        assert look(settled, at_ns) != before
    with monkeypatch.context() as patch:
        (tmp_path / "prep").mkdir()
        (tmp_path / "prep" / "__init__.py").write_text("")
        patch.setattr(inputs.prep, "__file__", str(tmp_path / "prep" / "__init__.py"))
        assert look(settled, time.time_ns()) != before
    (tmp_path / "taggers-2.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert look(settled, at_ns) != before


def test_what_no_result_follows_from_is_not_looked_at(settled):
    at_ns = time.time_ns()
    before = look(settled, at_ns)
    for name in ("lock", "log", "settled.json"):
        (settled.out / ".prep" / name).write_text("another")
    os.utime(settled.art / "mira")  # as a file that came and went leaves it
    assert look(settled, at_ns) == before


def test_a_young_file_is_known_by_its_content_an_old_one_is_not_read(settled, monkeypatch):
    read = []
    opened = inputs.open_file
    monkeypatch.setattr(inputs, "open_file", lambda path, *more, **how: read.append(path) or opened(path, *more, **how))
    now = time.time_ns()
    look(settled, now)
    assert settled.out / ".prep" / "config.json" in read
    read.clear()
    look(settled, now + HOUR_NS)
    assert not read


def test_a_set_inside_of_src_does_not_look_at_itself_twice(settled):
    """Else what prep writes into OUT would be a change of SRC."""
    at_ns = time.time_ns()
    before = looked_at(settled.out.parent, settled.out, [], at_ns)
    (settled.out / ".prep" / "log").write_text("more")
    assert looked_at(settled.out.parent, settled.out, [], at_ns) == before


WATCHED = """
import json, os, sys
from pathlib import Path
opened = set()
sys.addaudithook(lambda event, arguments: opened.add(str(arguments[0])) if event in
                 ("open", "os.scandir", "os.listdir") and isinstance(arguments[0], (str, Path)) else None)
from prep.cli import main
try:
    main()
except SystemExit:
    pass
run, sys.argv = sorted(opened), sys.argv
from prep.pipeline import inputs
covered, folders, walk, file = set(), set(), inputs._Look.tree, inputs._Look.file
inputs._Look.tree = lambda self, top, **passed: folders.add(top) or walk(self, top, **passed)
inputs._Look.file = lambda self, path: covered.add(path) or file(self, path)
from prep.config import load_settings
from prep.pipeline.settled import _dumped, _texts
src, out = Path(sys.argv[2]), Path(sys.argv[4])
texts = list(_texts(_dumped(load_settings(src, out=out))))
inputs.looked_at(src, out, texts, 2**63)
print(json.dumps([run, sorted(covered), sorted(folders)]))
"""


@pytest.mark.slow
def test_a_run_opens_nothing_that_is_not_looked_at(begun, tmp_path):
    """All that a second run opens is a file or a folder that looked_at knows, or belongs to Python or the system."""
    subprocess.run(["cp", "-r", f"{begun}/art", str(tmp_path)], check=True)
    art, out = tmp_path / "art", tmp_path / "out"
    (art / "prep.toml").write_text(
        '[scan]\nmin_side_px = 0\n[generator]\nmodel = "none"\n[tagger]\nmodel = "starter"\n'
    )
    for _ in range(2):
        assert prep("run", art, "--out", out).returncode == 0
    found = subprocess.run([sys.executable, "-c", WATCHED, "run", str(art), "--out", str(out)],
                           capture_output=True, text=True, check=True)  # fmt: skip
    run, covered, folders = json.loads(found.stdout.splitlines()[-1])
    system = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", sys.prefix, sys.base_prefix, *sys.path)
    folders = [os.path.realpath(folder) for folder in folders]
    left = [
        path for path in run
        if path != "."  # where modules are searched
        and not path.startswith(tuple(filter(None, system)))
        and path not in covered
        and not path.endswith("/hashes.json")  # only what it says of fetched files counts
        and not any(os.path.realpath(path).startswith((folder + os.sep, folder)) for folder in folders)
    ]  # fmt: skip
    assert not left
    assert any("kohya" in path for path in run) and any("ledger" in path for path in run)
