"""A SRC that came from somebody else: nothing outside it becomes a setting or a picture, and nothing hangs."""

import os
from pathlib import Path

import pytest

from prep.config import load_settings
from prep.drawing.vary import read_vary
from prep.errors import SettingsError, UsageError
from prep.models.locate import files_at
from prep.scan.find import find_images
from prep.taggers import TAGGERS
from tests.faults.test_foreign_out import in_time
from tests.support.pictures import drawing, save


@pytest.fixture
def src(tmp_path):
    save(drawing(1, 64, 64), tmp_path / "src" / "mira" / "1.png")
    return tmp_path / "src"


def test_a_prep_toml_that_leads_out_of_src_is_not_read(src, tmp_path):
    (tmp_path / "mine.toml").write_text("[captions]\nmax_tags = 3\n")
    (src / "prep.toml").symlink_to(tmp_path / "mine.toml")
    with pytest.raises(SettingsError, match="prep.toml is a link out of its folder. Copy the file there"):
        load_settings(src)
    (src / "mine.toml").write_text("[captions]\nmax_tags = 3\n")
    (src / "prep.toml").unlink()
    (src / "prep.toml").symlink_to("mine.toml")
    assert load_settings(src).captions.max_tags == 3


def test_a_prep_toml_that_leads_round_or_nowhere_is_a_sentence(src):
    for target in ("prep.toml", "nowhere.toml"):
        (src / "prep.toml").symlink_to(target)
        with pytest.raises(SettingsError, match="prep.toml"):
            load_settings(src)
        (src / "prep.toml").unlink()


@pytest.mark.parametrize("data", [b"[" * 100_000, b"x = " + b"[" * 5000, b"\xff", b"#" * 1_000_001])
def test_a_prep_toml_that_is_none_is_a_sentence(src, data):
    (src / "prep.toml").write_bytes(data)
    with pytest.raises(SettingsError, match="prep.toml (is not|has) .*Correct that line; texts"):
        load_settings(src)


def test_no_pipe_in_src_is_waited_for(src):
    for name in ("prep.toml", "list.txt", "mira/1.txt", "mira/2.png", "mira/unnamed"):
        os.mkfifo(src / name)
    code = (
        "from prep.config import load_settings\nfrom prep.errors import PrepError\n"
        "from prep.scan.find import find_images\nfrom prep.tagging.filters import read_patterns\n"
        "src = Path(sys.argv[1])\n"
        "for read in (lambda: load_settings(src), lambda: read_patterns(str(src / 'list.txt'), 'filter.file')):\n"
        "  try: read()\n"
        "  except PrepError as error: print(error)\n"
        "found = find_images(src, src / 'out')\n"
        "print([file.path for file in found.files], found.problems[0][1].message)"
    )
    said = in_time(code, src).splitlines()
    assert len(said) == 3 and all("is not a regular file" in line for line in said)
    assert said[2].startswith("['mira/1.png']")


def test_a_device_is_no_list_of_words_and_no_model():
    with pytest.raises(SettingsError, match="is not a regular file"):
        read_vary("/dev/zero")
    with pytest.raises(SettingsError, match="is not a valid file name"):
        read_vary("a\0b")
    with pytest.raises(UsageError, match="/dev/zero is neither a file nor a folder"):
        files_at(TAGGERS.members["file"], Path("/dev/zero"), "tagger.model")


def test_a_link_to_a_device_or_out_of_src_is_a_row_and_no_picture(src, tmp_path):
    save(drawing(2, 64, 64), tmp_path / "private.png")
    for name, target in (
        ("zero.png", "/dev/zero"),
        ("private.png", tmp_path / "private.png"),
        ("loop.png", "loop.png"),
    ):
        (src / "mira" / name).symlink_to(target)
    (src / "noa").symlink_to(tmp_path)
    found = find_images(src, tmp_path / "out")
    assert [file.path for file in found.files] == ["mira/1.png"]
    assert {path: problem.kind for path, problem in found.problems} == dict.fromkeys(
        ("mira/loop.png", "mira/private.png", "mira/zero.png", "noa/"), "link"
    )
