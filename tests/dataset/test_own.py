"""What prep makes anew each time is written over only as long as it is prep's."""

import pytest

from prep.dataset.own import write_own
from prep.ledger import Ledger
from tests.fakes import FakeTagger
from tests.support.pictures import drawing as figure
from tests.support.pictures import folder_of, save
from tests.support.runs import manifest, run_here


@pytest.fixture
def made(tmp_path, tiny_tagger, reads_with):
    reads_with(lambda options: FakeTagger())
    art = folder_of(tmp_path / "art", mira=2)
    save(figure(9, 60, 60), art / "mira" / "small.png")
    (art / "mira" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    run_here(art, tmp_path / "out", tiny_tagger)
    return art, tmp_path / "out", tiny_tagger


@pytest.mark.parametrize("name", ["manifest.parquet", "problems.txt"])
def test_a_page_that_a_person_changed_is_set_aside_and_written_anew(made, name):
    art, out, tagger = made
    (out / name).write_bytes(b"notes of mine")
    run_here(art, out, tagger)
    assert (out / "set_aside" / name).read_bytes() == b"notes of mine"
    assert f"set_aside/{name}: set_aside: it was changed" in (out / "problems.txt").read_text()
    assert len(manifest(out)) == 4
    before = sorted((out / "set_aside").iterdir())
    run_here(art, out, tagger)
    assert sorted((out / "set_aside").iterdir()) == before


def test_a_page_that_goes_is_set_aside_when_it_was_changed(made):
    art, out, tagger = made
    (out / "problems.txt").write_text("notes of mine")
    (art / "mira" / "cut.png").unlink()
    run_here(art, out, tagger)
    assert (out / "set_aside" / "problems.txt").read_text() == "notes of mine"


def test_one_that_a_killed_run_left_is_prep_s(tmp_path, monkeypatch):
    (tmp_path / ".prep").mkdir()
    ledger = Ledger(tmp_path / ".prep" / "ledger", 1)
    write_own(tmp_path, "page", b"one", ledger)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("prep.files.crash_point", killed)  # the ledger knows what the file would have become
        write_own(tmp_path, "page", b"two", ledger)
    assert (tmp_path / "page").read_bytes() == b"one"
    write_own(tmp_path, "page", b"three", ledger)
    assert (tmp_path / "page").read_bytes() == b"three" and not (tmp_path / "set_aside").exists()


def test_a_problems_txt_of_a_person_s_is_not_taken_for_prep_s(tmp_path, tiny_tagger, reads_with):
    reads_with(lambda options: FakeTagger())
    art, out = folder_of(tmp_path / "art", mira=2), tmp_path / "out"
    run_here(art, out, tiny_tagger)
    assert not (out / "problems.txt").exists()
    (out / "problems.txt").write_text("notes of mine")
    run_here(art, out, tiny_tagger)
    assert (out / "set_aside" / "problems.txt").read_text() == "notes of mine"
