"""What was decided of a picture follows it, and nothing else follows with it."""

import pytest

from prep.dataset.kohya import KohyaExporter
from prep.edits.decisions import Decisions
from prep.ledger import Ledger
from prep.pipeline import export as exporting
from tests.fakes import FakeTagger
from tests.support.pictures import drawing, folder_of, save
from tests.support.runs import EDIT, manifest, run_here, sidecar


@pytest.fixture
def art(tmp_path, reads_with):
    reads_with(lambda options: FakeTagger())
    return folder_of(tmp_path / "art", mira=3, noa=3)


def status(out, source: str) -> str:
    return next(row["status"] for row in manifest(out) if row["source"] == source)


def by_hand(out) -> set[str]:
    return {picture.partition("/")[0] for picture in Decisions(Ledger(out / ".prep" / "ledger")).by_hand()}


@pytest.mark.parametrize("change", ["goes", "changes"])
def test_what_one_character_leaves_behind_does_not_go_to_another_that_has_the_same_picture(
    art, tmp_path, tiny_tagger, change
):
    out, shared = tmp_path / "out", art / "noa" / "shared.png"
    shared.write_bytes((art / "mira" / "000.png").read_bytes())
    run_here(art, out, tiny_tagger)
    sidecar(out, "noa/shared.png").with_suffix(".png").unlink()
    run_here(art, out, tiny_tagger)
    assert (status(out, "noa/shared.png"), status(out, "mira/000.png")) == ("excluded", "kept")
    shared.unlink() if change == "goes" else save(drawing(77), shared)
    run_here(art, out, tiny_tagger)
    assert status(out, "mira/000.png") == "kept"
    if change == "changes":
        assert status(out, "noa/shared.png") == "excluded"  # it followed the path


def test_a_removal_follows_a_picture_that_moves_before_the_next_run(art, tmp_path, tiny_tagger):
    out = tmp_path / "out"
    run_here(art, out, tiny_tagger)
    sidecar(out, "mira/001.png").with_suffix(".png").unlink()
    (art / "mira").rename(art / "myra")
    run_here(art, out, tiny_tagger)
    assert {name: status(out, f"myra/00{name}.png") for name in "012"} == {"0": "kept", "1": "excluded", "2": "kept"}


def test_what_has_moved_is_no_edit_of_where_it_was(art, tmp_path, tiny_tagger, capsys):
    out = tmp_path / "out"
    run_here(art, out, tiny_tagger)
    path = sidecar(out, "mira/000.png")
    path.write_text(path.read_text() + EDIT)
    run_here(art, out, tiny_tagger)
    (art / "mira").rename(art / "myra")
    for _ in range(3):
        run_here(art, out, tiny_tagger)
        assert by_hand(out) == {"myra"}
        assert EDIT in sidecar(out, "myra/000.png").read_text()
    assert "no picture" not in capsys.readouterr().out


def test_a_retouched_picture_moves_with_its_caption(art, tmp_path, tiny_tagger):
    out = tmp_path / "out"
    run_here(art, out, tiny_tagger)
    text = sidecar(out, "mira/000.png")
    text.write_text(text.read_text() + EDIT)
    retouched = save(drawing(55), text.with_suffix(".png")).read_bytes()
    (art / "mira").rename(art / "myra")
    run_here(art, out, tiny_tagger)
    moved = sidecar(out, "myra/000.png")
    assert EDIT in moved.read_text() and moved.with_suffix(".png").read_bytes() == retouched


def test_what_is_put_back_where_it_was_is_back_under_its_new_name(art, tmp_path, tiny_tagger):
    """Picture and caption taken away, the character renamed, both put back with an edit: it is the same picture."""
    out = tmp_path / "out"
    run_here(art, out, tiny_tagger)
    text = sidecar(out, "mira/000.png")
    away = {path: path.read_bytes() for path in (text, text.with_suffix(".png"))}
    for path in away:
        path.unlink()
    (art / "mira").rename(art / "MIRA")  # its folder in kohya/ stays
    run_here(art, out, tiny_tagger)
    assert status(out, "MIRA/000.png") == "excluded"
    for path, data in away.items():
        path.write_bytes(data)
    text.write_text(text.read_text() + EDIT)
    run_here(art, out, tiny_tagger)
    assert status(out, "MIRA/000.png") == "kept" and EDIT in sidecar(out, "MIRA/000.png").read_text()


def test_what_is_saved_where_a_picture_was_follows_it_late(art, tmp_path, tiny_tagger, monkeypatch):
    """The run has looked, and is moving the picture, when somebody saves its caption in the old place."""
    out = tmp_path / "out"
    run_here(art, out, tiny_tagger)
    text = sidecar(out, "mira/000.png")
    text.write_text(text.read_text() + EDIT)
    run_here(art, out, tiny_tagger)
    (art / "mira").rename(art / "myra")
    with monkeypatch.context() as patch:
        real = exporting.second_look
        patch.setattr(
            exporting, "second_look", lambda *args: (text.write_text(f"{text.read_text()}, rain"), real(*args))[1]
        )
        run_here(art, out, tiny_tagger)
    run_here(art, out, tiny_tagger)
    assert sidecar(out, "myra/000.png").read_text().endswith(f"{EDIT}, rain")
    assert by_hand(out) == {"myra"}


def test_a_folder_renamed_while_a_run_exports_empties_nothing(art, tmp_path, tiny_tagger, monkeypatch):
    out = tmp_path / "out"
    run_here(art, out, tiny_tagger)
    monkeypatch.setattr(KohyaExporter, "_write_chunk", renaming_first(KohyaExporter._write_chunk, out))
    monkeypatch.setattr("prep.dataset.kohya.CHUNK", 2)
    run_here(art, out, tiny_tagger, "thresholds.mode=fixed", "thresholds.fixed=0.3")
    run_here(art, out, tiny_tagger)
    assert {row["status"] for row in manifest(out)} == {"kept"}
    assert (out / "kohya" / "7_mira").is_dir() and len(list((out / "kohya").glob("*/"))) == 2


def renaming_first(real, out):
    """Between the first chunk and the second somebody renames a folder."""

    def write(self, *arguments):
        real(self, *arguments)
        for folder in (out / "kohya").glob("*_mira"):
            folder.rename(folder.with_name("7_mira"))

    return write


def test_a_second_folder_of_a_character_is_said(art, tmp_path, tiny_tagger):
    out = tmp_path / "out"
    run_here(art, out, tiny_tagger)
    mine = save(drawing(66), out / "kohya" / "3_mira" / "mine.png").read_bytes()
    run_here(art, out, tiny_tagger)
    assert "kohya/3_mira: not_in_set: " in (out / "problems.txt").read_text()
    assert (out / "kohya" / "3_mira" / "mine.png").read_bytes() == mine


def test_preps_own_caption_under_an_older_name_is_no_edit(art, tmp_path, tiny_tagger):
    """Renamed in its case alone, a character keeps its folder in kohya/, and what stands there is no person's."""
    out = tmp_path / "out"
    run_here(art, out, tiny_tagger)
    (art / "mira" / "000.txt").write_text("A girl in a red scarf.")
    (art / "mira").rename(art / "MIRA")
    run_here(art, out, tiny_tagger)
    assert sidecar(out, "MIRA/000.png").read_text() == "A girl in a red scarf."
    assert {row["caption_source"] for row in manifest(out) if row["source"] != "MIRA/000.png"} == {"machine"}


def test_an_edit_after_a_kill_follows_a_picture_of_which_nothing_was_decided(art, tmp_path, tiny_tagger, monkeypatch):
    """The killed run knows the picture under its new name, and its caption lies under the old one."""
    out = tmp_path / "out"
    run_here(art, out, tiny_tagger)
    text = sidecar(out, "mira/000.png")
    (art / "mira").rename(art / "myra")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(exporting, "second_look", interrupted)
        run_here(art, out, tiny_tagger)
    text.write_text(text.read_text() + EDIT)
    run_here(art, out, tiny_tagger)
    assert EDIT in sidecar(out, "myra/000.png").read_text() and by_hand(out) == {"myra"}


def interrupted(*_):
    raise KeyboardInterrupt
