"""Runs over folders: what a second run costs, what one bad image costs, what a changed setting costs."""

import hashlib
import os
import tomllib
from dataclasses import replace

import numpy as np
import pytest

from prep.errors import SettingsError, UsageError
from prep.pipeline import road, stages
from tests.fakes import FakeTagger
from tests.support.pictures import drawing, encoded, folder_of, save
from tests.support.runs import captions, manifest, older, prep, run_here, tree


@pytest.fixture
def counting(monkeypatch, reads_with):
    """A fake tagger in the place of every real one; it counts."""
    fake = FakeTagger()
    reads_with(lambda options: fake)
    return fake


@pytest.fixture
def art(tmp_path):
    return folder_of(tmp_path / "art", mira=5, noa=2)


def test_a_second_run_tags_nothing_and_changes_nothing(art, tmp_path, tiny_tagger, counting, capsys):
    older(art)
    run_here(art, tmp_path / "out", tiny_tagger)
    before, stamps = (
        tree(tmp_path / "out"),
        {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.png")},
    )
    assert counting.scored == 7
    capsys.readouterr()
    run_here(art, tmp_path / "out", tiny_tagger)
    said = capsys.readouterr().out
    assert "0 read, 7 unchanged" in said and "no model was loaded" in said
    assert counting.scored == 7 and tree(tmp_path / "out") == before
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.png")} == stamps


def test_an_added_image_costs_one_image(art, tmp_path, tiny_tagger, counting):
    older(art)
    run_here(art, tmp_path / "out", tiny_tagger)
    save(drawing(99), art / "mira" / "new.png")
    run_here(art, tmp_path / "out", tiny_tagger)
    assert counting.scored == 8 and len(manifest(tmp_path / "out")) == 8


def test_a_moved_or_renamed_image_is_known_by_its_content(art, tmp_path, tiny_tagger, counting):
    run_here(art, tmp_path / "out", tiny_tagger)
    (art / "mira" / "000.png").rename(art / "mira" / "renamed.png")
    run_here(art, tmp_path / "out", tiny_tagger)
    assert counting.scored == 7
    assert "mira/renamed.png" in captions(tmp_path / "out")


@pytest.mark.parametrize(
    "change",
    [
        "thresholds.medium=0.9",
        "thresholds.mode=mcut",
        "captions.order=alphabetical",
        "captions.max_tags=2",
        "captions.traits=keep",
        "characters.mira.trigger=someone",
        "filter.file=",
    ],
)
def test_a_changed_setting_reuses_the_scores(art, tmp_path, tiny_tagger, counting, change):
    run_here(art, tmp_path / "out", tiny_tagger)
    run_here(art, tmp_path / "out", tiny_tagger, change)
    replayed = tree(tmp_path / "out")
    assert counting.scored == 7
    run_here(art, tmp_path / "fresh", tiny_tagger, change)
    assert {name: sha for name, sha in tree(tmp_path / "fresh").items()} == replayed


def test_a_lower_threshold_brings_more_tags(art, tmp_path, tiny_tagger, counting):
    run_here(art, tmp_path / "out", tiny_tagger, "thresholds.mode=fixed", "thresholds.fixed=0.85")
    few = captions(tmp_path / "out")
    run_here(art, tmp_path / "out", tiny_tagger, "thresholds.mode=fixed", "thresholds.fixed=0.3")
    many = captions(tmp_path / "out")
    assert counting.scored == 7
    assert all(len(many[name].split(",")) > len(few[name].split(",")) for name in few)


def test_other_weights_tag_again(art, tmp_path, tiny_tagger, counting, monkeypatch):
    from tests.support.pictures import tiny_checkpoint

    run_here(art, tmp_path / "out", tiny_tagger)
    run_here(art, tmp_path / "out", tiny_checkpoint(tmp_path / "other.safetensors", seed=7))
    assert counting.scored == 14


def test_a_file_changed_behind_its_stat_is_found_by_rehash(art, tmp_path, tiny_tagger, counting):
    older(art)
    run_here(art, tmp_path / "out", tiny_tagger)
    path = art / "mira" / "000.png"
    before = path.stat()
    other = drawing(77)
    data = encoded(other)
    old = path.read_bytes()
    path.write_bytes(data + b"\0" * (len(old) - len(data)) if len(data) < len(old) else old[:-1] + b"\1")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    run_here(art, tmp_path / "out", tiny_tagger)
    assert counting.scored == 7
    run_here(art, tmp_path / "out", tiny_tagger, rehash=True)
    assert counting.scored == 8


def test_a_file_written_just_before_the_scan_is_read_again(art, tmp_path, tiny_tagger, capsys):
    run_here(art, tmp_path / "out", tiny_tagger)
    capsys.readouterr()
    run_here(art, tmp_path / "out", tiny_tagger)
    assert "7 read, 0 unchanged" in capsys.readouterr().out


def test_one_bad_image_is_a_row_and_a_line_and_the_rest_is_done(art, tmp_path, tiny_tagger):
    (art / "mira" / "cut.png").write_bytes(encoded(drawing(50))[:500])
    (art / "mira" / "empty.jpg").write_bytes(b"")
    (art / "noa" / "page.jpg").write_text("<html>404</html>")
    result = run_here(art, tmp_path / "out", tiny_tagger)
    assert result.exit_code == 1
    rows = {row["source"]: row for row in manifest(tmp_path / "out")}
    assert len(rows) == 10 and sum(row["status"] == "kept" for row in rows.values()) == 7
    assert {rows[name]["reason"] for name in ("mira/cut.png",)} == {"damaged"}
    assert rows["mira/empty.jpg"]["reason"] == "empty" and rows["noa/page.jpg"]["status"] == "unreadable"
    lines = (tmp_path / "out" / "problems.txt").read_text().splitlines()
    assert [line.split(": ")[0] for line in lines] == ["mira/cut.png", "mira/empty.jpg", "noa/page.jpg"]


def test_bad_images_are_tried_again_when_asked_and_problems_go_with_them(art, tmp_path, tiny_tagger, capsys):
    (art / "mira" / "cut.png").write_bytes(b"")
    older(art)
    run_here(art, tmp_path / "out", tiny_tagger)
    capsys.readouterr()
    assert run_here(art, tmp_path / "out", tiny_tagger).exit_code == 1
    assert "0 read" in capsys.readouterr().out
    run_here(art, tmp_path / "out", tiny_tagger, retry=True)
    assert "1 read" in capsys.readouterr().out
    save(drawing(60), art / "mira" / "cut.png")
    assert run_here(art, tmp_path / "out", tiny_tagger).exit_code == 0
    assert not (tmp_path / "out" / "problems.txt").exists()


def test_exact_copies_stay_once_and_shared_images_twice(tmp_path, tiny_tagger):
    art = folder_of(tmp_path / "art", mira=2, noa=1)
    (art / "mira" / "zz.png").write_bytes((art / "mira" / "000.png").read_bytes())
    (art / "noa" / "same.png").write_bytes((art / "mira" / "001.png").read_bytes())
    run_here(art, tmp_path / "out", tiny_tagger)
    rows = {row["source"]: row for row in manifest(tmp_path / "out")}
    assert (rows["mira/zz.png"]["status"], rows["mira/zz.png"]["reason"]) == ("duplicate", "copy")
    assert rows["mira/000.png"]["status"] == "kept" and rows["mira/zz.png"]["file"] is None
    assert rows["mira/001.png"]["status"] == rows["noa/same.png"]["status"] == "kept"
    assert "shared" in rows["mira/001.png"]["flags"] and "shared" in rows["noa/same.png"]["flags"]


def test_too_small_and_too_thin_images_are_rejected_with_the_reason(tmp_path, tiny_tagger):
    save(drawing(1, 100, 400), tmp_path / "art" / "mira" / "small.png")
    save(drawing(2, 300, 1500), tmp_path / "art" / "mira" / "thin.png")
    save(drawing(3), tmp_path / "art" / "mira" / "good.png")
    run_here(tmp_path / "art", tmp_path / "out", tiny_tagger)
    reasons = {row["source"]: row["reason"] for row in manifest(tmp_path / "out")}
    assert reasons == {"mira/small.png": "too_small", "mira/thin.png": "aspect", "mira/good.png": None}


def test_of_too_many_images_the_largest_stay(tmp_path, tiny_tagger):
    for number, width in enumerate((300, 500, 400)):
        save(drawing(number, width, width), tmp_path / "art" / "mira" / f"{width}.png")
    run_here(tmp_path / "art", tmp_path / "out", tiny_tagger, "scan.max_images=2")
    reasons = {row["source"]: row["reason"] for row in manifest(tmp_path / "out")}
    assert reasons == {"mira/300.png": "over_cap", "mira/400.png": None, "mira/500.png": None}


def test_an_image_without_tags_is_kept_flagged_and_hinted_at(art, tmp_path, tiny_tagger, counting):
    result = run_here(art, tmp_path / "out", tiny_tagger, "thresholds.mode=fixed", "thresholds.fixed=1")
    assert result.exit_code == 0
    assert all("no_tags" in row["flags"] and row["status"] == "kept" for row in manifest(tmp_path / "out"))
    assert set(captions(tmp_path / "out").values()) == {"mira", "noa"}
    assert "anime art" in (tmp_path / "out" / "problems.txt").read_text()


def test_repeats_balance_and_stay_until_they_are_rebalanced(tmp_path, tiny_tagger):
    art = folder_of(tmp_path / "art", a=12, b=7, c=5)

    def folders():
        return {path.name for path in (tmp_path / "out" / "kohya").iterdir() if path.is_dir()}

    run_here(art, tmp_path / "out", tiny_tagger)
    assert folders() == {"8_a", "14_b", "20_c"}
    for number in range(5):
        save(drawing(5000 + number), art / "c" / f"more{number}.png")
    run_here(art, tmp_path / "out", tiny_tagger)
    assert folders() == {"8_a", "14_b", "20_c"}
    run_here(art, tmp_path / "out", tiny_tagger, rebalance=True)
    assert folders() == {"8_a", "14_b", "10_c"}
    dataset = tomllib.loads((tmp_path / "out" / "kohya" / "dataset.toml").read_text())
    assert {subset["image_dir"] for subset in dataset["datasets"][0]["subsets"]} == folders()


def test_images_are_copied_to_the_byte_unless_a_trainer_would_see_them_wrong(tmp_path, tiny_tagger):
    art = tmp_path / "art" / "mira"
    plain = save(drawing(1), art / "plain.jpg", quality=90)
    save(drawing(2), art / "wrong-name.png", format="WEBP")
    save(drawing(3).convert("CMYK"), art / "cmyk.jpg")
    save(drawing(4), art / "a.bmp")
    run_here(tmp_path / "art", tmp_path / "out", tiny_tagger)
    files = {row["source"]: tmp_path / "out" / row["file"] for row in manifest(tmp_path / "out")}
    assert files["mira/plain.jpg"].read_bytes() == plain.read_bytes()
    assert files["mira/wrong-name.png"].suffix == ".webp"
    assert files["mira/cmyk.jpg"].suffix == files["mira/a.bmp"].suffix == ".png"


@pytest.mark.parametrize("link", ["symlink", "hardlink"])
def test_links_instead_of_copies(art, tmp_path, tiny_tagger, link):
    run_here(art, tmp_path / "out", tiny_tagger, f"export.link={link}")
    for row in manifest(tmp_path / "out"):
        exported = tmp_path / "out" / row["file"]
        assert exported.samefile(art / row["source"])
    before = tree(tmp_path / "out")
    run_here(art, tmp_path / "out", tiny_tagger, f"export.link={link}")
    assert tree(tmp_path / "out") == before


def test_nothing_is_written_into_src(art, tmp_path, tiny_tagger):
    before = tree(art)
    run_here(art, art / "set", tiny_tagger)
    run_here(art, art / "set", tiny_tagger)
    assert {name: sha for name, sha in tree(art).items() if not name.startswith("set/")} == before
    assert len(manifest(art / "set")) == 7


def test_sidecars_in_src_when_asked_for(art, tmp_path, tiny_tagger):
    run_here(art, tmp_path / "out", tiny_tagger, "captions.sidecars=source")
    for source, caption in captions(tmp_path / "out").items():
        assert (art / source).with_suffix(".txt").read_text() == caption
    before = tree(art)
    run_here(art, tmp_path / "out", tiny_tagger, "captions.sidecars=source")
    assert tree(art) == before and {row["caption_source"] for row in manifest(tmp_path / "out")} == {"machine"}


def test_two_images_that_want_one_sidecar_are_named(art, tmp_path, tiny_tagger):
    save(drawing(5), art / "mira" / "000.jpg")
    with pytest.raises(UsageError, match=r"mira/000\.jpg and mira/000\.png both want 000\.txt"):
        run_here(art, tmp_path / "out", tiny_tagger, "captions.sidecars=source")
    assert run_here(art, tmp_path / "out", tiny_tagger).exit_code == 0


def test_an_out_that_prep_did_not_make_is_refused(art, tmp_path, tiny_tagger):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("x")
    with pytest.raises(UsageError, match="prep did not make"):
        run_here(art, tmp_path / "out", tiny_tagger)


def test_a_character_that_does_not_exist_stops_before_anything_is_touched(art, tmp_path, tiny_tagger):
    with pytest.raises(SettingsError, match=r"Did you mean \[characters.mira\]"):
        run_here(art, tmp_path / "out", tiny_tagger, "characters.mria.trigger=x")
    assert not (tmp_path / "out").exists()


def meddling(monkeypatch, reads_with, when, change) -> FakeTagger:
    """A tagger during whose work files change, as often as `when` says so."""

    class Meddler(FakeTagger):
        def prepare(self, image: np.ndarray) -> np.ndarray:
            if when(self.prepared):
                change(self.prepared)
            return super().prepare(image)

    meddler = Meddler(batch_size=1)
    monkeypatch.setattr("prep.jobs.tag.DECODERS", 1)
    reads_with(lambda options: meddler)
    return meddler


def test_an_image_that_changes_during_the_run_is_read_again(art, tmp_path, tiny_tagger, monkeypatch, reads_with):
    older(art)
    path = art / "noa" / "001.png"
    meddling(monkeypatch, reads_with, lambda done: done == 0, lambda _: save(drawing(4242), path))
    assert run_here(art, tmp_path / "out", tiny_tagger).exit_code == 0
    row = next(row for row in manifest(tmp_path / "out") if row["source"] == "noa/001.png")
    assert row["status"] == "kept" and row["image_id"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(manifest(tmp_path / "out")) == 7


def test_an_image_that_keeps_changing_is_a_problem_and_is_done_next_time(
    art, tmp_path, tiny_tagger, counting, monkeypatch
):
    older(art)
    seeds = iter(range(9000, 9100))

    def restless(*arguments):
        dataset = scan(*arguments)
        save(drawing(next(seeds)), art / "noa" / "001.png")
        return dataset

    with monkeypatch.context() as patch:
        scan = stages.scan
        first, *others = road.STAGES
        patch.setattr(road, "STAGES", (replace(first, stages=(restless, stages.tag)), *others))
        assert run_here(art, tmp_path / "out", tiny_tagger).exit_code == 1
    rows = {row["source"]: row["reason"] for row in manifest(tmp_path / "out")}
    assert rows["noa/001.png"] == "changed" and len(rows) == 7
    assert run_here(art, tmp_path / "out", tiny_tagger).exit_code == 0
    assert {row["status"] for row in manifest(tmp_path / "out")} == {"kept"}


def test_an_image_that_goes_during_the_run_is_a_problem(art, tmp_path, tiny_tagger, monkeypatch, reads_with):
    older(art)
    meddling(monkeypatch, reads_with, lambda done: done == 0, lambda _: (art / "noa" / "001.png").unlink())
    assert run_here(art, tmp_path / "out", tiny_tagger).exit_code == 1
    rows = {row["source"]: row["reason"] for row in manifest(tmp_path / "out")}
    assert rows["noa/001.png"] == "gone" and len(rows) == 7


def test_to_stops_after_a_stage_and_a_later_run_goes_on(art, tmp_path, tiny_tagger, counting):
    run_here(art, tmp_path / "out", tiny_tagger, to="tag")
    assert counting.scored == 7 and not (tmp_path / "out" / "kohya").exists()
    run_here(art, tmp_path / "out", tiny_tagger)
    assert counting.scored == 7 and len(captions(tmp_path / "out")) == 7


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "is empty"),
        (lambda path: path.write_text("x"), "is a file"),
    ],
)
def test_a_missing_source_is_exit_2_and_one_sentence(tmp_path, make, told):
    make(tmp_path / "src")
    done = prep("run", tmp_path / "src", "--out", tmp_path / "out")
    assert done.returncode == 2 and told in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_process_ends_with_where_the_set_is(art, tmp_path, tiny_tagger):
    done = prep("run", art, "--out", tmp_path / "out", "--set", f"tagger.model={tiny_tagger}", "--profile")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "done"
    assert f"train: cd {tmp_path / 'out' / 'kohya'} && accelerate launch" in done.stdout
    assert done.stderr == ""


"""Runs over folders: what a second run costs, what one bad image costs, what a changed setting costs."""
