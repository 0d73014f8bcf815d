"""What `prep status` and `--plan` say is what a run then does."""

import os
import time

import pytest

from prep.config import load_settings
from prep.errors import UsageError
from prep.pipeline.outlook import plan_lines
from prep.pipeline.status import diff_of, status_of
from tests.support.pictures import drawing, encoded, folder_of, save
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
    assert lines[0] == "scan: 6 files of 2 characters, 6 to read"
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
    lines = plan_lines(art, out, settings_for(art, tagger))
    assert "1 to read" in lines[0] and lines[1].startswith("tag: 1 images")
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


def test_status_tells_characters_profiles_and_what_comes_next(made):
    art, out, _ = made
    lines = list(status_of(out))
    assert lines[0] == f"{out}: 6 images from {art}, read by file"
    mira = next(line for line in lines if line.startswith("mira  "))
    assert mira.split()[:2] == ["mira", "4"] and mira.split()[-1] == "25_mira"
    assert "mira: 4 images, trigger `mira`" in lines and "noa: 2 images, trigger `noa`" in lines
    assert "  2 images: too few to judge traits; at least 3 are needed" in lines
    assert "a run now would read and tag nothing" in lines


def test_status_tells_reasons_and_flags(made):
    art, out, tagger = made
    (art / "mira" / "cut.png").write_bytes(encoded(drawing(5))[:300])
    save(drawing(6, 60, 60), art / "noa" / "small.png")
    run_here(art, out, tagger)
    lines = list(status_of(out))
    assert "why:   1 unreadable: damaged, 1 rejected: too_small" in lines
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
    assert list(diff_of(made[1])) == ["0 captions differ from the machine's by hand"]
