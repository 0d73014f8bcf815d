"""An OUT stays with the pictures that it was made from, unless somebody says otherwise."""

import json
import shutil

import pytest
from click.testing import CliRunner

from prep.cli.run import command
from prep.dataset.made_from import check_made_from
from prep.errors import UsageError
from tests.support.pictures import drawing, folder_of, save
from tests.support.runs import tree


@pytest.fixture
def made(tmp_path, monkeypatch):
    """outputs/art, made from a/art; and b/art, which has other pictures."""
    from prep.dataset.manifest import COLUMNS, pa, pq

    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    folder_of(tmp_path / "a" / "art", aa=2)
    save(drawing(7, 64, 64), tmp_path / "b" / "art" / "bb" / "3.png")
    out = tmp_path / "cwd" / "outputs" / "art"
    (out / ".prep").mkdir(parents=True)
    (out / ".prep" / "config.json").write_text(json.dumps({"src": str((tmp_path / "a" / "art").resolve())}))
    row = {"character": "aa", "origin": "source", "status": "kept", "source": "aa/000.png"}
    pq.write_table(pa.Table.from_pylist([row, row | {"source": "aa/001.png"}], COLUMNS), out / "manifest.parquet")
    return tmp_path


@pytest.mark.parametrize("more", [[], ["--plan"]])
def test_two_folders_of_one_name_do_not_go_into_one_out(made, more):
    before = tree(made / "cwd")
    with pytest.raises(UsageError, match=r"outputs/art was made from .*/a/art.*--out"):
        CliRunner().invoke(command, ["../b/art", *more], catch_exceptions=False, standalone_mode=False)
    with pytest.raises(UsageError, match=r"none of its pictures is in .*b/art.*--yes"):
        arguments = ["../b/art", "--out", "outputs/art", *more]
        CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False)
    assert tree(made / "cwd") == before


def test_a_moved_folder_goes_on_where_the_out_is_named(made):
    shutil.move(made / "a" / "art", made / "b" / "elsewhere")
    (made / "b" / "elsewhere" / "aa" / "000.png").unlink()
    src, out = made / "b" / "elsewhere", made / "cwd" / "outputs" / "art"
    assert "was made from" in check_made_from(src, out, named=True, yes=False)
    with pytest.raises(UsageError, match="--out"):
        check_made_from(src, out, named=False, yes=False)


def test_yes_goes_on(made):
    assert "was made from" in check_made_from(made / "b" / "art", made / "cwd" / "outputs" / "art", True, True)


def test_the_same_folder_by_another_spelling_is_the_same(made, monkeypatch):
    out = made / "cwd" / "outputs" / "art"
    (made / "link").symlink_to(made / "a" / "art")
    for src in ("../a/art", "../a/art/", "../a/../a/art", "../link"):
        assert check_made_from(type(out)(src), out, named=False, yes=False) == ""


@pytest.mark.parametrize("kept", ["", "[]", '{"src": 3}', "{"])
def test_an_out_that_does_not_say_what_it_was_made_from_is_taken_as_it_is(made, kept):
    out = made / "cwd" / "outputs" / "art"
    (out / ".prep" / "config.json").write_text(kept)
    assert check_made_from(made / "b" / "art", out, named=False, yes=False) == ""
