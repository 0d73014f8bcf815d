"""Images that change or go while a run is at work, at each place where their bytes are read again."""

import os
import shutil
import time

import pytest

from prep.dataset import place
from prep.pipeline import export as exporting
from prep.pipeline import measured, stages
from tests.fakes import FakeTagger
from tests.support.pictures import drawing, encoded, folder_of, save
from tests.support.runs import EDIT, captions, manifest, older, run_here, sidecar, tree


@pytest.fixture
def art(tmp_path, monkeypatch, reads_with):
    reads_with(lambda options: FakeTagger())
    art = folder_of(tmp_path / "art", mira=3)
    older(art)
    return art


def before(monkeypatch, part, name: str, meddle) -> None:
    """Meddle once, just before a function of the run is called."""
    real, done = getattr(part, name), []

    def first(*arguments, **options):
        if not done:
            done.append(meddle())
        return real(*arguments, **options)

    monkeypatch.setattr(part, name, first)


@pytest.mark.parametrize("stage", ["scan", "tag", "profile", "caption", "export"])
@pytest.mark.parametrize("change", ["gone", "changed"])
def test_an_image_that_goes_or_changes_before_a_stage_costs_only_itself(
    art, tmp_path, tiny_tagger, monkeypatch, stage, change
):
    victim, out = art / "mira" / "001.png", tmp_path / "out"
    meddle = victim.unlink if change == "gone" else lambda: save(drawing(50), victim)
    with monkeypatch.context() as patch:
        part = {"export": exporting, "scan": measured}.get(stage, stages)
        before(patch, part, {"export": "KohyaExporter", "scan": "ScanJob"}.get(stage, "tagger_of"), meddle)
        result = run_here(art, out, tiny_tagger)
    rows = {row["source"]: row for row in manifest(out)}
    assert [rows[f"mira/00{number}.png"]["status"] for number in (0, 2)] == ["kept", "kept"]
    if change == "changed" and stage != "export":  # it is read again, within the run
        assert result.exit_code == 0 and rows["mira/001.png"]["status"] == "kept"
    else:
        assert result.exit_code == 1 and "mira/001.png: " in (out / "problems.txt").read_text()
        assert rows["mira/001.png"]["file"] is None
    assert run_here(art, out, tiny_tagger, rebalance=True).exit_code == 0
    run_here(art, tmp_path / "fresh", tiny_tagger)
    assert tree(out) == tree(tmp_path / "fresh")


@pytest.mark.parametrize("change", ["gone", "changed"])
def test_an_image_that_goes_or_changes_while_it_is_copied_is_written_as_it_was_read(
    art, tmp_path, tiny_tagger, monkeypatch, change
):
    """What is in kohya/ under a hash has that hash."""
    victim = art / "mira" / "001.png"
    was = victim.read_bytes()
    real = place._cloned

    def meddling(source, target):
        if source == victim:
            victim.unlink() if change == "gone" else save(drawing(50), victim)
        return real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(place, "_cloned", meddling)
        assert run_here(art, tmp_path / "out", tiny_tagger).exit_code == 0
    row = next(row for row in manifest(tmp_path / "out") if row["source"] == "mira/001.png")
    assert (tmp_path / "out" / row["file"]).read_bytes() == was


def test_the_caption_of_an_image_that_is_gone_for_a_while_is_kept(art, tmp_path, tiny_tagger):
    out, victim = tmp_path / "out", art / "mira" / "001.png"
    run_here(art, out, tiny_tagger)
    text = sidecar(out, "mira/001.png")
    text.write_text(text.read_text() + EDIT)
    shutil.move(victim, tmp_path / "away.png")
    run_here(art, out, tiny_tagger)
    shutil.move(tmp_path / "away.png", victim)
    run_here(art, out, tiny_tagger)
    assert captions(out)["mira/001.png"].endswith(EDIT)


def test_an_image_damaged_for_a_while_keeps_its_edits(art, tmp_path, tiny_tagger):
    out, victim = tmp_path / "out", art / "mira" / "001.png"
    run_here(art, out, tiny_tagger)
    text = sidecar(out, "mira/001.png")
    text.write_text(text.read_text() + EDIT)
    data = victim.read_bytes()
    victim.write_bytes(data[:100])
    assert run_here(art, out, tiny_tagger).exit_code == 1
    victim.write_bytes(data)
    assert run_here(art, out, tiny_tagger).exit_code == 0
    assert captions(out)["mira/001.png"].endswith(EDIT)


def test_other_content_at_the_same_size_and_time_is_seen_when_it_is_fresh(tmp_path, tiny_tagger, art):
    path = art / "mira" / "000.png"
    one, other = encoded(drawing(1)), encoded(drawing(2))
    longest = max(len(one), len(other))
    now = time.time_ns()
    for data in (one, other):
        path.write_bytes(data.ljust(longest, b"\0"))
        os.utime(path, ns=(now, now))
        run_here(art, tmp_path / "out", tiny_tagger)
        row = next(row for row in manifest(tmp_path / "out") if row["source"] == "mira/000.png")
        assert (tmp_path / "out" / row["file"]).read_bytes() == data  # without what lay behind its end
