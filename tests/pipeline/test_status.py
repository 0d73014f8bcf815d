"""What `prep status` and `--plan` say is what a run then does."""

import json
import os
import shutil
import time

import pytest

from prep.config import load_settings
from prep.edits.from_files import HandEdits
from prep.errors import StoppedError, UsageError
from prep.pipeline.outlook import plan_lines
from prep.pipeline.status import diff_of, status_of
from tests.fakes import FakeTagger
from tests.support.fetching import allow_fetching
from tests.support.person import LOW, Art, quick, small
from tests.support.pictures import drawing, encoded, folder_of, save, tiny_checkpoint
from tests.support.runs import prep, run_here, tree


@pytest.fixture
def made(tmp_path, tiny_tagger):
    art = folder_of(tmp_path / "art", mira=4, noa=2)
    past = time.time() - 3600
    for path in art.rglob("*.png"):
        os.utime(path, (past, past))
    run_here(art, tmp_path / "out", tiny_tagger)
    return art, tmp_path / "out", tiny_tagger


def settings_for(art, tagger, *sets):
    return load_settings(art, None, (f"tagger.model={tagger}", *sets))


def test_a_plan_over_a_fresh_folder_counts_everything_and_writes_nothing(tmp_path, tiny_tagger):
    art = folder_of(tmp_path / "art", mira=4, noa=2)
    lines = plan_lines(art, tmp_path / "out", settings_for(art, tiny_tagger))
    assert lines[0] == "scan: 6 pictures of 2 characters, 6 to read"
    assert lines[1].startswith("tag: 6 images to tag with")
    assert lines[3].startswith("generate: nothing is drawn")
    assert lines[4] == "export: 0 images already in kohya/, 6 to add"
    assert not (tmp_path / "out").exists()


def test_a_plan_over_a_finished_folder_finds_nothing_to_do(made):
    art, out, tagger = made
    before = tree(out)
    lines = plan_lines(art, out, settings_for(art, tagger))
    assert "0 to read" in lines[0] and "no model is loaded" in lines[1]
    assert lines[2] == "caption: 0 captions to write, 0 to change, 6 stay"
    assert lines[3].startswith("generate: nothing is drawn")
    assert lines[4] == "export: 6 images already in kohya/, 0 to add"
    assert tree(out) == before


def test_a_plan_shows_what_a_changed_setting_would_change(made):
    art, out, tagger = made
    lines = plan_lines(art, out, settings_for(art, tagger, "captions.max_tags=2"))
    assert "0 captions to write, 6 to change, 0 stay" in lines[2]
    assert any(line.startswith("    then: mira, ") for line in lines)


def test_a_plan_counts_an_added_image(made):
    art, out, tagger = made
    save(drawing(90), art / "mira" / "new.png")
    (art / "mira" / "new.heic").write_bytes(b"")
    lines = plan_lines(art, out, settings_for(art, tagger))
    assert lines[0].endswith("1 to read; left out: 1 HEIF") and lines[1].startswith("tag: 1 images")
    assert lines[3].startswith("generate: nothing is drawn")
    assert lines[4] == "export: 6 images already in kohya/, 1 to add"


def test_plan_writes_no_ledger_part(made):
    art, out, tagger = made
    before = sorted(path.name for path in (out / ".prep").rglob("*.parquet"))
    (out / "kohya").rename(out / "gone")
    plan_lines(art, out, settings_for(art, tagger))
    assert sorted(path.name for path in (out / ".prep").rglob("*.parquet")) == before
    assert not (out / "kohya").exists()


def test_plan_is_what_the_command_prints(made):
    art, out, tagger = made
    done = prep("run", art, "--out", out, "--set", f"tagger.model={tagger}", "--plan")
    assert done.returncode == 0 and done.stdout.splitlines() == plan_lines(art, out, settings_for(art, tagger))


def test_a_plan_says_which_tagger_a_run_would_fetch_or_that_it_may_not(tmp_path, monkeypatch):
    art = folder_of(tmp_path / "art", mira=1)
    settings = load_settings(sets=("tagger.model=deepdanbooru-v3",))
    with pytest.raises(StoppedError, match="deepdanbooru-v3 is not on this machine and fetching is switched off"):
        plan_lines(art, tmp_path / "out", settings)
    allow_fetching(monkeypatch)
    line = "tag: 1 images to tag with deepdanbooru-v3, which a run would fetch first (644 MB)"
    assert line in plan_lines(art, tmp_path / "out", settings)
    assert f"{line}, or read them with the starter tagger" in plan_lines(art, tmp_path / "out", load_settings())


def test_status_tells_characters_profiles_and_what_comes_next(made):
    art, out, _ = made
    lines = list(status_of(out))
    assert lines[0] == f"{out}: 6 images from {art}, read by file"
    mira = next(line for line in lines if line.startswith("mira  "))
    assert mira.split()[:2] == ["mira", "4"] and mira.split()[-1] == "25_mira"
    assert "mira: 4 images, trigger `mira`" in lines and "noa: 2 images, trigger `noa`" in lines
    assert "  2 images: too few to judge traits; at least 3 are needed" in lines
    assert "a run now would read and tag nothing" in lines


def test_status_and_plan_tell_a_picture_that_was_changed_in_its_place(made):
    art, out, tagger = made
    drawing(77).save(art / "mira" / "000.png")
    assert "a run now would read 1 new or changed file and tag those whose content is new" in list(status_of(out))
    settings = load_settings(art, None, (f"tagger.model={tagger}",), out)
    assert "tag: 0 images to tag with file, and the files whose content is new" in plan_lines(art, out, settings)


def test_what_a_stage_takes_is_that_of_a_run_which_did_most_of_it(made):
    art, out, tagger = made
    before = json.loads((out / ".prep" / "run.json").read_text())["seconds"]
    drawing(78).save(art / "mira" / "new.png")
    run_here(art, out, tagger)
    after = json.loads((out / ".prep" / "run.json").read_text())["seconds"]
    assert (after["scan"], after["tag"]) == (before["scan"], before["tag"])


def test_status_tells_reasons_and_flags(made):
    art, out, tagger = made
    (art / "mira" / "cut.png").write_bytes(encoded(drawing(5))[:300])
    save(drawing(6, 60, 60), art / "noa" / "small.png")
    run_here(art, out, tagger)
    lines = list(status_of(out))
    assert "left out: 1 unreadable (damaged), 1 rejected (too_small)" in lines
    assert "mira/cut.png: damaged" in prep("status", out, "--problems").stdout


def test_status_of_an_out_whose_source_is_gone_still_tells_the_rest(made):
    art, out, _ = made
    art.rename(art.with_name("moved"))
    lines = list(status_of(out))
    assert any(line.startswith("mira  ") for line in lines)
    assert lines[-1].startswith("a run now would stop: ") and "does not exist" in lines[-1]


@pytest.mark.parametrize("break_it", ["missing", "foreign", "half", "manifest"])
def test_a_foreign_or_broken_out_is_one_sentence(made, tmp_path, break_it):
    out = made[1]
    if break_it == "missing":
        out = tmp_path / "nowhere"
    elif break_it == "foreign":
        out = made[0]
    elif break_it == "half":
        (out / ".prep" / "config.json").write_text('{"src": ')
    else:
        (out / "manifest.parquet").write_bytes(b"PAR1 not parquet")
    with pytest.raises(UsageError):
        list(status_of(out))
    done = prep("status", out)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "Traceback" not in done.stderr


def test_diff_without_edits_says_so(made):
    assert list(diff_of(made[1])) == ["0 captions were edited by hand"]


# What a person did, and what a run would do of it.

TOML = """[scan]
min_side_px = {side}
[thresholds]
mode = "fixed"
fixed = {fixed}
"""


def told(made, side: int = 40, fixed: float = 0.8) -> list[str]:
    """What status says with these settings in SRC."""
    (made.art / "prep.toml").write_text(TOML.format(side=side, fixed=fixed))
    lines = list(status_of(made.out))
    begin = next(at for at, line in enumerate(lines) if line.startswith("a run now would"))
    return [line.strip() for line in lines[begin:]]


def planned(made, *sets: str) -> list[str]:
    base = ("scan.min_side_px=40", "thresholds.mode=fixed", "thresholds.fixed=0.8")
    return [line.strip() for line in plan_lines(made.art, made.out, settings_for(made.art, made.tagger, *base, *sets))]


@pytest.mark.parametrize(
    ("act", "line"),
    [
        (lambda made: made.add("000", "hat"), "1 caption was edited by hand"),
        (lambda made: made.image("000").unlink(), "1 picture was removed by hand"),
        (lambda made: small(63, made.image("000")), "1 picture in kohya/ is yours, and stays"),
        (lambda made: made.image("000").write_bytes(b"half"),
         "1 picture in kohya/ is damaged: it would be set aside and written again"),
        (lambda made: made.text("000").write_bytes(b"\xff\xff"),
         "1 caption in kohya/ cannot be read: it would be set aside"),
        (lambda made: small(64, made.image("000").with_name("mine.png")),
         "1 picture or folder in kohya/ is not prep's, and is trained on as it is"),
    ],
    ids=["edited", "removed", "retouched", "damaged", "unreadable", "stranger"],
)  # fmt: skip
def test_what_a_person_did_is_told_before_the_run_that_sees_it(worked_on, act, line):
    before = sorted((worked_on.out / ".prep" / "ledger").rglob("*.parquet"))
    act(worked_on)
    by_hand = planned(worked_on)[5:]
    assert [each for each in by_hand if each == line or "caption" in each or "picture" in each] == [line]
    assert line in told(worked_on)
    assert sorted((worked_on.out / ".prep" / "ledger").rglob("*.parquet")) == before


@pytest.fixture
def worked_on(begun, tmp_path, tiny_tagger, reads_with, monkeypatch):
    quick(monkeypatch, sheets=False)
    reads_with(lambda options: FakeTagger())
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    art = Art(tmp_path, tiny_tagger)
    art.run()
    return art


def test_pictures_that_a_setting_would_take_out_are_told_with_the_reason(worked_on):
    assert "it would remove 4 pictures from kohya/: too_small" in told(worked_on, side=60)
    assert "export: 4 images already in kohya/, 0 to add, 4 to remove (4 too_small)" in planned(
        worked_on, "scan.min_side_px=60"
    )
    worked_on.run("scan.min_side_px=60")
    lines = told(worked_on)
    assert "it would add 4 pictures to kohya/" in lines and "scan.min_side_px: 60 -> 40" in lines


def test_pictures_gone_from_src_or_rejected_are_told_as_leaving(worked_on):
    (worked_on.art / "mira" / "000.png").unlink()
    lines = told(worked_on)
    assert "it would remove 1 picture from kohya/: gone from SRC" in lines


def test_a_file_that_was_only_touched_neither_leaves_nor_joins(worked_on):
    path = worked_on.art / "mira" / "000.png"
    os.utime(path, (1, 1))
    assert "export: 4 images already in kohya/, 0 to add" in planned(worked_on)
    small(65, worked_on.art / "mira" / "new.png")
    assert "export: 4 images already in kohya/, 1 to add" in planned(worked_on)


def test_another_tagger_takes_no_picture_out(worked_on, tmp_path):
    other = tiny_checkpoint(tmp_path / "other.safetensors", seed=5)
    lines = planned(worked_on, f"tagger.model={other}")
    assert "export: 4 images already in kohya/, 0 to add" in lines and lines[1].startswith("tag: 4 images to tag")


def test_what_the_plan_says_stands_now_is_what_the_file_says(worked_on, monkeypatch):
    texts = {name: worked_on.text(name).read_text() for name in ("000", "001")}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(HandEdits, "write", _stop)
        worked_on.run(*LOW)
    lines = planned(worked_on, "thresholds.fixed=0.3")
    assert "caption: 0 captions to write, 4 to change, 0 stay" in lines
    assert f"now:  {texts['000']}" in lines
    worked_on.add("000", "hat")
    assert f"now:  {texts['000']}, hat" in planned(worked_on, "thresholds.fixed=0.3")
    worked_on.text("001").unlink()
    assert any(line.startswith("caption: 1 captions to write, 3 to change") for line in planned(worked_on, *LOW))


def _stop(*_):
    raise KeyboardInterrupt


def test_captions_that_a_run_would_rewrite_are_counted(worked_on):
    assert "change 4 captions" in " ".join(told(worked_on, fixed=0.3))
    assert "change" not in " ".join(line for line in told(worked_on) if line.startswith("it would"))


def test_what_follows_its_picture_is_told_once_and_what_has_none_is_counted(worked_on):
    worked_on.add("000", "hat")
    worked_on.add("noa/000.png", "hat")
    worked_on.run()
    (worked_on.art / "mira").rename(worked_on.art / "sylvie")
    (worked_on.art / "noa").rename(worked_on.art.parent / "away")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("prep.pipeline.stages.look_at_edits", _stop)  # a run that was cut off after it had read them
        worked_on.run()
    lines = planned(worked_on)
    assert "what you did to 1 picture follows it to where it is now" in lines
    assert "1 hand edit has no picture: it is kept until that is back" in lines
    assert not any("edited by hand" in line for line in lines)


def test_status_says_what_its_column_of_bounds_is(made):
    _, out, _ = made
    lines = list(status_of(out))
    legend = next(line for line in lines if line.startswith("bound: "))
    assert "from 0.5 on" in legend and lines.index(legend) > next(
        at for at, line in enumerate(lines) if "bound  in" in line
    )


def test_files_from_after_2262_are_looked_at_like_others(made):
    art, out, tagger = made
    late = 2**63 + 10**9  # more nanoseconds since 1970 than 64 bits hold with a sign
    caption = next(out.glob("kohya/*_mira/*.txt"))
    for path in (caption, caption.with_suffix(".npz"), next((art / "mira").glob("*.png"))):
        path.touch()
        os.utime(path, ns=(late, late))
    assert any(line.startswith("scan: 6 pictures") for line in plan_lines(art, out, settings_for(art, tagger)))
    list(status_of(out))
    caption.write_text(f"{caption.read_text()}, red scarf")
    os.utime(caption, ns=(late, late))
    run_here(art, out, tagger)
    assert "red scarf" in caption.read_text()
    run_here(art, out, tagger)
    assert "red scarf" in caption.read_text()
