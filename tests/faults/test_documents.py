"""JSON and TOML of any kind: nested without end, endless numbers, huge, half, of another shape. A sentence each."""

import json
import os
import shutil

import pytest

from prep.checks.retag import read_exclusive
from prep.config import load_settings
from prep.documents import DEEPEST, DocumentError, parse_json, parse_toml, read_json, read_toml
from prep.drawing.vary import read_vary
from prep.errors import SettingsError, UsageError
from prep.files import named_path
from prep.formats._state import State
from prep.generators.sd35.load import open_folder
from prep.hub.card_yaml import read_yaml
from prep.models.hashes import sha256_of
from prep.tagging.thresholds import read_overrides
from tests.support.runs import tree

DEEP = {
    "open": "[" * 100_000,
    "closed": "[" * 100_000 + "]" * 100_000,
    "just too deep": "[" * DEEPEST + "[]" + "]" * DEEPEST,
    "tables": '{"a":' * 5_000 + "1" + "}" * 5_000,
}
NUMBERS = ("9" * 5_000, "-" + "9" * 4_000, str(2**63))
SHAPES = ("", "null", "[]", "3", '"src"', "{}", '{"src": null}', '{"src": "a\\u0000b", "settings": {}}',
          '{"seconds": [1]}', '{"seconds": {"scan": "x"}, "notes": 3}', '{"seconds": {"scan": 1e999}}')  # fmt: skip
TOML = "a = " + DEEP["closed"]


@pytest.mark.parametrize("text", [*DEEP.values(), *NUMBERS, "{", "\ufeff{}", "\xff"])
def test_json_of_any_kind_is_one_error(tmp_path, text):
    (tmp_path / "a.json").write_bytes(text.encode("utf-8"))
    with pytest.raises(DocumentError, match="^(is not|has) "):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("text", [TOML, "a." * 5_000 + "a = 1", *(f"a = {number}" for number in NUMBERS), "a = ", "="])
def test_toml_of_any_kind_is_one_error(tmp_path, text):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(DocumentError, match="^(is not|has) "):
        read_toml(tmp_path / "a.toml")


def test_what_is_no_document_says_what_it_is(tmp_path):
    (tmp_path / "large.json").write_bytes(b" " * 17)
    (tmp_path / "latin.toml").write_bytes(b'a = "\xe9"')
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("latin.toml")
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("folder", "is a folder"), ("pipe", "is not a regular file"), ("link", "is a link")):
        with pytest.raises(DocumentError, match=why):
            read_json(tmp_path / name)
    with pytest.raises(DocumentError, match="has more than 16 bytes"):
        read_json(tmp_path / "large.json", 16)
    with pytest.raises(DocumentError, match="is not UTF-8 at byte 5"):
        read_toml(tmp_path / "link", follow=True)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "gone")


def test_what_stands_in_ordinary_files_is_read(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = [[1], {b = 9223372036854775807}]")
    assert read_toml(tmp_path / "a.toml") == {"a": [[1], {"b": 2**63 - 1}]}
    assert parse_json(b'{"a": [1.5, null, "\\ud800"]}') == {"a": [1.5, None, "\ud800"]}
    assert parse_toml("") == {}


@pytest.mark.parametrize("text", [None, 3, "", "a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_no_path(text):
    with pytest.raises(ValueError):
        named_path(text)


@pytest.fixture
def endless(tmp_path):
    """TOML files of each kind that nobody can read."""
    for name, text in {"deep": TOML, "large": f"a = {'9' * 5_000}", "half": "a = [", "empty key": "= 1"}.items():
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    return sorted(tmp_path.glob("*.toml"))


def test_a_configuration_of_any_kind_stops_before_anything_is_touched(made, typed, endless):
    before = tree(made.out)
    for path in endless:
        said = typed("run", made.art, "--out", made.out, "--config", path)
        assert said.code == 2 and str(path) in said.err and said.err.count("\n") == 1, said
    assert tree(made.out) == before


@pytest.mark.parametrize("read", [read_overrides, read_vary, read_exclusive])
def test_lists_of_tags_of_any_kind_are_a_sentence(endless, read):
    for path in endless:
        with pytest.raises(SettingsError, match=f"{path} (is not|is no|is a|has) .*Correct it, or name another"):
            read(str(path))


@pytest.mark.parametrize("value", ["[" * 5_000, "9" * 5_000, "{a=" * 5_000])
def test_a_set_of_any_kind_is_a_sentence(value):
    with pytest.raises(SettingsError, match="scan.min_side_px"):
        load_settings(sets=(f"scan.min_side_px={value}",))


@pytest.mark.parametrize("name", ["config.json", "run.json"])
def test_status_and_a_run_over_state_of_any_kind(made, typed, name):
    before = tree(made.out)
    for text in (DEEP["open"], NUMBERS[0], *SHAPES):
        (made.out / ".prep" / name).write_text(text)
        said = typed("status", made.out)
        assert said.code in (0, 2) and "Traceback" not in said.err
        assert (said.code == 2) == (name == "config.json"), (text[:40], said)
        if said.code:
            assert str(made.out / ".prep" / name) in said.err and "prep run" in said.err
    made.run()
    assert tree(made.out) == before and json.loads((made.out / ".prep" / name).read_text())


def test_a_dataset_toml_of_any_kind_is_a_finding_and_makes_room(made, typed, endless):
    toml = made.out / "kohya" / "dataset.toml"
    for path in endless[:2]:  # deep; a name that is no key
        toml.write_text(path.read_text())
        for fix in ((), ("--fix",)):
            said = typed("lint", made.out, *fix)
            assert said.code == 1 and "error toml-unread" in said.out and "Traceback" not in said.out + said.err
        made.run()
        assert toml.read_text() == path.read_text() and toml.with_name("dataset.new.toml").is_file()


def test_what_was_exported_is_forgotten_and_not_taken_apart(tmp_path):
    for text in (*DEEP.values(), *NUMBERS, *SHAPES, '{"files": {"a": 3}}', '{"files": {"a": ["x"]}}', '{"files": []}'):
        (tmp_path / "imagefolder.json").write_text(text)
        assert State(tmp_path / "imagefolder.json").names == set()


def test_hashes_that_cannot_be_read_are_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("PREP_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "a").write_bytes(b"a")
    for text in (*DEEP.values(), NUMBERS[0], '{"files": 3}', f'{{"files": {{"{tmp_path / "a"}": [1]}}}}'):
        (tmp_path / "cache" / "hashes.json").write_text(text)
        assert sha256_of(tmp_path / "a").startswith("ca978112ca1bbdca")


def test_a_diffusers_folder_with_endless_json_is_a_sentence(tmp_path):
    for name in ("config.json", "a.safetensors.index.json"):
        (tmp_path / "config.json").write_text("{}")
        (tmp_path / name).write_text(DEEP["open"])
        with pytest.raises(UsageError, match=r"config.json cannot be read|index.json in .* is not readable"):
            open_folder(tmp_path, "transformer")
        shutil.rmtree(tmp_path / "transformer", ignore_errors=True)


def test_yaml_without_end_is_a_sentence():
    with pytest.raises(Exception, match="YAML of the README.md on the hub cannot be read"):
        read_yaml("a: " + "[" * 5_000)
