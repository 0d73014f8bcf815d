"""A folder where prep writes a file, a file where it keeps a folder, an OUT that cannot be written: each is said."""

import errno
import json
import os

import pytest

from prep.config import load_settings
from prep.errors import SettingsError, StoppedError
from prep.process import lock
from tests.support.pictures import folder_of


@pytest.mark.parametrize("name", ["config.json", "run.json"])
def test_a_folder_in_the_place_of_a_file_is_named_with_what_to_do(made, typed, name):
    place = made.out / ".prep" / name
    place.unlink()
    (place / "inside").mkdir(parents=True)
    done = typed("run", made.art, "--out", made.out, "--yes", "--set", f"tagger.model={made.tagger}")
    assert f"{place} is a folder, where prep writes a file. Move it away or rename it, then run again" in done.err
    assert done.code == 3 and (place / "inside").is_dir()


def test_a_dataset_toml_that_is_a_folder_is_set_aside_or_named(made, typed):
    place = made.out / "kohya" / "dataset.toml"
    place.unlink()
    (place / "mine").mkdir(parents=True)
    done = typed("run", made.art, "--out", made.out, "--set", f"tagger.model={made.tagger}")
    assert "run again when it can be written" not in done.err
    assert list(made.out.rglob("mine"))


def test_a_config_that_is_a_folder_is_said_by_status(made, typed):
    place = made.out / ".prep" / "config.json"
    place.unlink()
    place.mkdir()
    done = typed("status", made.out)
    assert done.code == 2 and f"{place} is a folder" in done.err


def test_an_out_that_cannot_be_written_is_said_as_such(made, typed, monkeypatch):
    def refused(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(lock, "open_file", refused)
    for name, *rest in (("tags", "--add", "a hat"), ("undo",), ("reject", "001")):
        done = typed(name, made.out, *rest)
        assert done.code == 3 and f"{made.out} cannot be written (Read-only file system). Check who may" in done.err
    for name, *rest in (("tags",), ("tags", "--add", "a hat", "--plan"), ("undo", "--list")):  # they only read
        assert typed(name, made.out, *rest).code == 0


def test_a_lock_that_is_a_folder_is_named_with_what_to_do(made, typed):
    (made.out / ".prep" / "lock").unlink()
    (made.out / ".prep" / "lock").mkdir()
    done = typed("undo", made.out)
    assert done.code == 3 and "lock cannot be locked (is a folder). Move it away or rename it" in done.err


def test_all_damaged_parts_of_the_scan_are_named_at_once_with_their_paths(made, typed):
    folder = made.out / ".prep" / "ledger" / "scan"
    first = next(folder.glob("*.parquet"))
    second = first.with_name("000009-main-000000.parquet")
    for part in (first, second):
        part.write_bytes(b"damaged")
    for command in ("status", "run"):
        given = [made.art, "--out"] if command == "run" else []
        done = typed(command, *given, made.out)
        said = done.out + done.err
        assert f"parts of the ledger are damaged: {first} cannot be read" in said and f"; {second} cannot" in said
        assert "Delete those files; their content is then redone" in said


def test_a_file_in_the_place_of_a_shelf_is_said_by_status(made, typed):
    folder = made.out / ".prep" / "ledger" / "caption"
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("")
    done = typed("status", made.out)
    assert f"{folder} is not a folder; prep keeps a part of the ledger there. Move it away" in done.out + done.err


def test_counts_that_no_run_counted_are_not_printed(made, typed):
    path = made.out / ".prep" / "run.json"
    found = json.loads(path.read_text())
    for count in (-3, 10**18, 1.5, True):
        found["files"]["counted"] = {"sketches": count}
        found["seconds"] = {"scan": -4.0, "tag": 1e300}
        path.write_text(json.dumps(found))
        done = typed("status", made.out)
        assert not done.code and "sketches" not in done.out and "last time" not in done.out


def test_a_dangling_link_in_the_place_of_a_file_of_settings_is_said(tmp_path):
    folder_of(tmp_path / "art", mira=1)
    link = tmp_path / "art" / "prep.toml"
    link.symlink_to("gone.toml")
    with pytest.raises(SettingsError, match="prep.toml is a link to gone.toml, which does not exist"):
        load_settings(tmp_path / "art")
    with pytest.raises(SettingsError, match="prep.toml is a link to gone.toml, which does not exist"):
        load_settings(config=link)


def test_whoever_opens_the_ledger_hears_of_it_too(made):
    from prep.ledger import Ledger
    from prep.scan.measure import SCAN

    folder = made.out / ".prep" / "ledger" / "scan"
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("")
    with pytest.raises(StoppedError, match="scan is not a folder"):
        Ledger(made.out / ".prep" / "ledger").parts(SCAN)
