"""Paths as they are typed: `~` is the home folder, also where the shell left it."""

import pytest

from tests.support.examples import make
from tests.support.pictures import drawing, save


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder with a picture in art/mira/."""
    monkeypatch.setenv("HOME", str(tmp_path))
    save(drawing(1, 64, 48), tmp_path / "art" / "mira" / "1.png")
    (tmp_path / "my.toml").write_text("[scan]\nmin_side_px = 40\n")
    return tmp_path


def test_a_tilde_within_quotes_is_the_home_folder(typed, home, monkeypatch):
    monkeypatch.chdir(home / "art")
    starter = ("--set", "tagger.model=starter", "--set", "generator.model=none")
    done = typed("run", "~/art", "--out", "~/out", "--config", "~/my.toml", *starter)
    assert done.code == 0 and (home / "out" / "manifest.parquet").is_file(), done.err
    assert not (home / "art" / "~").exists()
    assert typed("status", "~/out").code == typed("lint", "~/out").code == 0


def test_make_takes_a_tilde_too(home):
    """make -n: it only says what it would do."""
    said = make("-n", "dataset", "SRC=~/art").stdout
    assert 'run "~/art" --out "outputs/art"' in said


def test_a_variable_of_the_environment_is_said_and_no_folder_is_made(typed, home, monkeypatch):
    monkeypatch.chdir(home)
    for arguments in (("run", "$HOME/art"), ("run", "~/art", "--out", "${HOME}/out"), ("status", "~nobody-at-all/out")):
        done = typed(*arguments)
        assert done.code == 2 and ("does not expand environment variables" in done.err or "an unknown user" in done.err)
    assert sorted(path.name for path in home.iterdir()) == ["art", "my.toml"]
