"""Configurations that a person may edit: only what prep wrote last is written over, and what lies beside likewise."""

import hashlib
import math

import pytest

from prep.dataset.toml import by_resolution, write_unless_edited
from prep.files import write_whole
from prep.ledger import Ledger, Shelf

PLACE = "kohya/dataset.toml"


@pytest.fixture
def ledger(tmp_path):
    (tmp_path / "kohya").mkdir()
    return Ledger(tmp_path / ".prep" / "ledger")


@pytest.fixture
def write(tmp_path, ledger):
    return lambda text: write_unless_edited(tmp_path, PLACE, text, ledger)


@pytest.fixture
def path(tmp_path):
    return tmp_path / PLACE


@pytest.fixture
def beside(path):
    return path.with_name("dataset.new.toml")


def aside(out):
    return {str(path.relative_to(out / "set_aside")): path.read_text() for path in out.glob("set_aside/**/*.toml")}


def test_an_older_text_of_ours_that_a_person_copied_back_is_theirs(write, path, beside):
    assert write("a") and write("b")
    path.write_text("a")
    assert not write("c") and path.read_text() == "a" and beside.read_text() == "c"


def test_ours_put_in_place_by_hand_is_ours_again(write, path, beside):
    write("a")
    path.write_text("theirs")
    assert not write("b")
    beside.rename(path)
    assert write("c") and path.read_text() == "c" and not beside.exists()


def test_what_we_wrote_last_is_still_ours_after_an_edit_was_undone(write, path, beside):
    write("a")
    path.write_text("theirs")
    write("b")
    path.write_text("a")
    assert write("c") and path.read_text() == "c" and not beside.exists()


def test_the_one_beside_is_written_over_and_removed_only_while_it_is_ours(tmp_path, write, path, beside):
    write("a")
    path.write_text("theirs")
    write("b")
    beside.write_text("notes in ours")
    assert (
        not write("b") and beside.read_text() == "b" and aside(tmp_path) == {"kohya/dataset.new.toml": "notes in ours"}
    )
    beside.write_text("more notes")
    path.unlink()
    assert write("b") and beside.read_text() == "more notes"


def test_links_are_neither_followed_nor_lost(tmp_path, write, path, beside):
    write("a")
    for link in (path, beside):
        link.unlink(missing_ok=True)
        (tmp_path / link.name).write_text("a")
        link.symlink_to(tmp_path / link.name)
    assert not write("b") and path.is_symlink() and beside.read_text() == "b" and not beside.is_symlink()
    assert {(tmp_path / link.name).read_text() for link in (path, beside)} == {"a"}


@pytest.mark.parametrize("renamed", [False, True])
def test_a_run_killed_around_the_file_makes_no_edit_of_it(write, path, beside, renamed, monkeypatch):
    def dies(path, data, sync=False):
        if renamed:
            write_whole(path, data)
        raise KeyboardInterrupt

    write("a")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("prep.dataset.toml.write_whole", dies)
        write("b")
    assert write("c") and path.read_text() == "c" and not beside.exists()
    path.write_text("a")
    assert not write("c")


def test_a_second_time_nothing_is_written(tmp_path, write, path):
    write("a")
    before = path.stat().st_ino, sorted(tmp_path.rglob("*"))
    assert write("a") and (path.stat().st_ino, sorted(tmp_path.rglob("*"))) == before


def test_rows_of_0_1_0_say_what_was_written_last(ledger, write, path, beside):
    rows = [{"subject": "dataset.toml", "recipe": hashlib.sha256(text).hexdigest()} for text in (b"a", b"b")]
    ledger.write(Shelf("dataset_toml", ()), rows)
    path.write_text("theirs")
    beside.write_text("b")
    assert not write("c") and beside.read_text() == "c"
    path.write_text("b")
    assert write("d") and path.read_text() == "d"
    path.write_text("b")
    assert not write("e")


def test_a_folder_that_a_person_s_dataset_toml_does_not_name_is_said(made, capsys):
    toml = made.out / "kohya" / "dataset.toml"
    toml.write_text(toml.read_text().replace("batch_size = 1", "batch_size = 2"))
    made.run()
    assert "does not list" not in capsys.readouterr().out
    folder = made.image("000").parent
    folder.rename(folder.with_name("7_mira"))
    made.run()
    assert "dataset.toml does not list 7_mira: it would not be trained on" in capsys.readouterr().out


def test_small_crops_have_a_resolution_from_which_none_is_reduced():
    subsets = {"mira": ("4_mira", 4, "mira"), "mira-crop": ("1_mira-crop", 1, "mira")}
    _, _, ((small, resolution),) = by_resolution(subsets, 512, {"mira-crop": math.isqrt(320 * 384)})
    assert small == [subsets["mira-crop"]] and resolution == 384  # 350 would be rounded to 320
