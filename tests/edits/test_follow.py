"""What was decided of a picture follows it, and nothing else follows with it."""

import pytest

from prep.edits.decisions import Decisions
from prep.ledger import Ledger
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
