"""Two readers: both read each picture, captions follow from one or both, and the second judges what was drawn."""

import shutil
from pathlib import Path

import pytest

from prep.config import load_settings
from prep.dataset.opened import Set
from prep.errors import ImageError, SettingsError, StoppedError, UsageError
from prep.jobs.tag import TAG
from prep.ledger import Ledger
from prep.pipeline.outlook import plan_lines
from prep.pipeline.redraw import redraw
from prep.pipeline.status import status_of
from prep.pipeline.subject import home_of
from prep.report.page import page
from tests.fakes import FakeRunner, FakeTagger
from tests.faults.dying import killed
from tests.support.fetching import allow_fetching
from tests.support.person import HIGH, NOTHING, SIDE, Painted
from tests.support.pictures import tiny_checkpoint
from tests.support.runs import captions, manifest, older, run_here, tree
from tests.support.second import NAMES
from tests.support.web_ui import web_ui


@pytest.fixture
def fake(made, reads_with):
    """The first reader; it counts."""
    found = FakeTagger()
    reads_with(lambda options: found)
    return found


def tags(out: Path) -> dict[str, set[str]]:
    return {row["source"]: {tag["name"] for tag in row["tags"]} for row in manifest(out)}


def test_with_a_second_reader_captions_stay_the_firsts(made, other):
    before = captions(made.out)
    made.run(*other.sets)
    assert captions(made.out) == before
    rows = manifest(made.out)
    assert {row["second_tagger"] for row in rows} == {"other"} and {row["tagger"] for row in rows} == {"file"}


def test_a_set_with_one_reader_says_nothing_of_a_second(made):
    assert all(row["second_tagger"] is None and row["disagreements"] is None for row in manifest(made.out))


def test_the_seconds_scores_are_kept_and_every_rule_replays_them(made, other, fake):
    made.run(*other.sets)
    first, counts = tags(made.out), (fake.scored, other.scored)
    assert counts == (0, 4)  # the set was read by the first before
    made.run(*other.sets, "captions.readers=agreement")
    agreed = tags(made.out)
    made.run(*other.sets, "captions.readers=union")
    united = tags(made.out)
    made.run(*other.sets)
    assert (fake.scored, other.scored) == counts and other.loaded == 1
    assert tags(made.out) == first
    assert all(agreed[name] <= first[name] <= united[name] for name in first)
    assert any(agreed[name] < first[name] for name in first) and any(first[name] < united[name] for name in first)
    assert {"smile", "1girl"} <= set.union(*united.values())


def test_a_run_that_both_have_read_loads_no_model(made, other, fake, capsys):
    older(made.art)
    made.run(*other.sets)
    before = tree(made.out)
    capsys.readouterr()
    made.run(*other.sets)
    assert "no model was loaded" in capsys.readouterr().out
    assert (fake.scored, other.scored, other.loaded) == (0, 4, 1) and tree(made.out) == before


def test_replayed_captions_are_those_of_a_fresh_set(made, other, tmp_path):
    for rule in ("agreement", "union"):
        made.run(*other.sets, f"captions.readers={rule}")
        fresh = tmp_path / rule
        run_here(made.art, fresh, made.tagger, *SIDE, *NOTHING, *HIGH, *other.sets, f"captions.readers={rule}")
        assert captions(fresh) == captions(made.out)


def test_a_profile_counts_what_captions_say(made, other, capsys):
    other.sees = {"Blue Hair", "1girl"}
    made.run(*other.sets, "captions.readers=union", "profile.trait_bound=0.4")
    assert "profile: mira: 3 images, traits: blue hair" in capsys.readouterr().out
    assert all("blue_hair" in {gone["name"] for gone in row["removed"]} for row in manifest(made.out)
               if row["character"] == "mira")  # fmt: skip


def test_a_disagreement_is_a_column_with_both_scores(made, other):
    other.sees = {"smile", "new_tag"}
    made.run(*other.sets)
    for row in manifest(made.out):
        seen = {tag["name"] for tag in row["tags"]} | {gone["name"] for gone in row["removed"]}
        known = {"smile", "blue_hair", "long_hair", "outdoors", "1girl", "white_shirt", "^_^"}
        about = {each["name"]: each for each in row["disagreements"]}
        assert {*about} == (seen & known) ^ {"smile"}
        assert all(round(each["second"], 2) == (0.95 if name == "smile" else 0.05) for name, each in about.items())


def test_a_picture_that_the_second_cannot_read_stays_and_is_a_problem(made, other):
    read = []

    def once(image):
        read.append(1)
        if len(read) == 2:
            raise ImageError("is torn", "save it again")
        return FakeTagger.prepare(other, image)

    other.prepare = once
    result = made.run(*other.sets, "captions.readers=agreement")
    rows = manifest(made.out)
    alone = [row for row in rows if row["second_tagger"] is None]
    assert result.failed == 1 and "is torn" in made.problems()
    assert len(rows) == 4 and {row["status"] for row in rows} == {"kept"} and len(alone) == 1
    assert alone[0]["disagreements"] is None and alone[0]["tags"]
    del other.prepare
    made.run(*other.sets)
    assert all(row["second_tagger"] for row in manifest(made.out))


def test_a_run_that_ends_between_the_readers_goes_on_with_the_second(made, other, fake, tmp_path):
    def gone():
        raise KeyboardInterrupt

    whole = tmp_path / "whole"
    settings = ("scan.min_side_px=40", "generator.model=none", *other.sets, "captions.readers=union")
    run_here(made.art, whole, made.tagger, *settings)
    fake.scored = other.scored = 0
    other.prepare = lambda image: gone()
    with pytest.raises(KeyboardInterrupt):
        run_here(made.art, tmp_path / "cut", made.tagger, *settings)
    assert (fake.scored, other.scored) == (4, 0)
    del other.prepare
    run_here(made.art, tmp_path / "cut", made.tagger, *settings)
    assert (fake.scored, other.scored) == (4, 4)
    assert tree(tmp_path / "cut") == tree(whole)


def test_the_first_reader_twice_is_refused_before_anything_is_touched(made, tmp_path):
    for second in (made.tagger, f"file:{made.tagger}"):
        with pytest.raises(SettingsError, match=r"tagger\.second: .* is the first tagger as well"):
            run_here(made.art, tmp_path / "new", made.tagger, f"tagger.second={second}")
        assert not (tmp_path / "new").exists()
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(made.tagger.read_bytes())
    with pytest.raises(SettingsError, match="is the first tagger as well"):
        made.run(f"tagger.second={copy}")


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("/nowhere/tagger.pt", r"tagger\.second.*/nowhere/tagger\.pt"),
        ("deepdanboru-v3", r"deepdanboru-v3"),
        ("auto", r"tagger\.second is auto"),
        ("a1111", r"tagger\.second: a1111 needs an address"),
    ],
)
def test_a_second_that_cannot_be_had_is_said_before_work(made, tmp_path, second, said):
    with pytest.raises(UsageError, match=said):
        run_here(made.art, tmp_path / "new", made.tagger, f"tagger.second={second}")
    assert not (tmp_path / "new").exists()


def test_a_second_that_cannot_be_fetched_is_said_before_a_picture_is_tagged(made, fake, tmp_path):
    with pytest.raises(StoppedError, match="deepdanbooru-v3 is not on this machine"):
        run_here(made.art, tmp_path / "new", made.tagger, "tagger.second=deepdanbooru-v3", "models.offline=true")
    assert fake.scored == 0


def test_a_second_whose_files_are_gone_is_said_before_a_picture_is_tagged(made, other, fake, tmp_path, monkeypatch):
    def gone(ref, settings):
        raise StoppedError(f"{ref.name} is not on this machine")

    monkeypatch.setattr("prep.pipeline.second.fetched", gone)
    with pytest.raises(StoppedError, match="other is not on this machine"):
        run_here(made.art, tmp_path / "new", made.tagger, *SIDE, *other.sets)
    assert fake.scored == 0


def test_a_rule_for_two_readers_wants_a_second(made):
    with pytest.raises(SettingsError, match=r"captions\.readers is union, but there is no second reader"):
        made.run("captions.readers=union")


def test_a_plan_and_the_status_count_the_seconds_work(made, other):
    (made.art / "prep.toml").write_text(
        '[tagger]\nmodel = "auto"\n[scan]\nmin_side_px = 40\n[generator]\nmodel = "none"\n'
    )
    settings = load_settings(made.art, None, (f"tagger.model={made.tagger}", *other.sets))
    lines = plan_lines(made.art, made.out, settings)
    assert any(line == "tag: 4 images to read with other, the second reader" for line in lines)
    made.run(*other.sets)
    assert not any("second reader" in line for line in plan_lines(made.art, made.out, settings))
    assert ", read by file and other" in next(status_of(made.out))


def test_another_second_reads_all_again_and_the_first_nothing(made, other, fake, tmp_path):
    made.run(*other.sets)
    (tmp_path / "other.bin").write_bytes(b"a newer model")
    made.run(*other.sets)
    assert (fake.scored, other.scored) == (0, 8)


def test_a_real_tagger_may_be_the_second(made, tmp_path, monkeypatch):
    second = tiny_checkpoint(tmp_path / "second.safetensors", seed=3)
    made.run(f"tagger.second={second}")
    assert {row["second_tagger"] for row in manifest(made.out)} == {"file"}


def test_the_judge_of_what_was_drawn_did_not_write_the_captions(painted: Painted, other, tmp_path):
    assert painted.drawn()  # where the first judges
    painted.out, other.sees = tmp_path / "fresh", set()
    painted.run(*other.sets)
    assert not painted.drawn() and painted.drawn("rejected")
    for row in painted.drawn("rejected"):
        assert row["second_tagger"] == "other" and {*row["check_missing"]} == {*row["asked"]} & {*NAMES, "blue_hair"}
        assert {tag["name"] for tag in row["tags"]} - {*NAMES}  # what the first read


def test_another_second_judges_again_what_was_rejected(painted: Painted, other, tmp_path):
    painted.out, other.sees = tmp_path / "fresh", set()
    painted.run(*other.sets)
    count = len(painted.generator.drawn)
    (tmp_path / "other.bin").write_bytes(b"it sees more")
    other.sees = {*NAMES}
    painted.run(*other.sets, "augmentation.tries=1")
    assert painted.drawn() and len(painted.generator.drawn) == count


def test_what_was_accepted_stays_whatever_a_second_reads(painted: Painted, other):
    before = {row["image_id"] for row in painted.drawn()}
    other.sees = set()
    painted.run(*other.sets)
    assert before <= {row["image_id"] for row in painted.drawn()}
    assert all(row["second_tagger"] == "other" for row in painted.drawn())


@pytest.mark.slow
def test_a_run_killed_between_the_readers_goes_on_to_the_same_bytes(made, tmp_path):
    second = tiny_checkpoint(tmp_path / "second.safetensors", seed=3)
    settings = (*SIDE, *NOTHING, *HIGH, f"tagger.second={second}", "captions.readers=union")
    run_here(made.art, tmp_path / "whole", made.tagger, *settings)
    for number in range(7, 14):
        out = tmp_path / f"cut{number}"
        assert killed(made.art, out, made.tagger, *settings, point=f"after rename:{number}")
        read = Ledger(out / ".prep" / "ledger").table(TAG).to_pylist()
        if read:
            break
    assert len({row["recipe"] for row in read}) == 1  # the first is done, the second has not begun
    run_here(made.art, out, made.tagger, *settings)
    assert tree(out) == tree(tmp_path / "whole")


def test_a_plan_says_that_a_second_would_be_fetched(made, monkeypatch):
    allow_fetching(monkeypatch)
    settings = load_settings(made.art, None, (f"tagger.model={made.tagger}", *SIDE, "tagger.second=deepdanbooru-v3"))
    (line,) = (each for each in plan_lines(made.art, made.out, settings) if "second reader" in each)
    assert "which a run would fetch first" in line and "starter" not in line


def test_a_starter_as_the_second_makes_a_trial_too(made, capsys):
    made.run("tagger.second=starter")
    assert "TRIAL: the second reader is the starter tagger, which knows three characters" in capsys.readouterr().out
    assert all("starter" in row["flags"] for row in manifest(made.out))


def test_redraw_reads_with_the_first_alone(painted: Painted, other):
    painted.run(*other.sets)
    read, settings = (
        other.scored,
        load_settings(painted.art, None, (f"tagger.model={painted.tagger}", *SIDE, *painted.sets, *other.sets)),
    )
    found = redraw(home_of(painted.art / "mira" / "000.png"), painted.out.with_name("again"), 1, settings, FakeRunner())
    assert found.drawn and other.scored == read


def test_the_second_may_be_on_another_machine(made, monkeypatch):
    monkeypatch.setattr("prep.remote.PAUSE_SECONDS", 0)
    with web_ui() as ui:
        made.run(f"tagger.second=a1111:{ui.url}")
        assert {row["second_tagger"] for row in manifest(made.out)} == {"a1111"}
        read = ui.readings
        made.run(f"tagger.second=a1111:{ui.url}")
        assert ui.readings == read + 1  # the fixed picture that tells which model answers
    with pytest.raises(SettingsError, match=r"tagger\.second names another machine"):
        made.run("tagger.second=a1111:http://192.0.2.1:7860", "models.offline=true")


def test_an_src_may_not_name_a_second_reader_out_of_it(made):
    (made.art / "prep.toml").write_text('[tagger]\nsecond = "/elsewhere/tagger.pt"\n')
    with pytest.raises(SettingsError, match=r"tagger\.second"):
        made.run()


class TestDisputed:
    def test_the_status_lists_tags_and_pictures_the_most_disputed_first(self, made, other, typed):
        other.sees = {"smile"}
        made.run(*other.sets)
        said = typed("status", made.out, "--disagreements")
        lines = said.out.splitlines()
        about = {row["source"]: row["disagreements"] for row in manifest(made.out)}
        differ = {name for name, found in about.items() if found}
        assert said.code == 0 and len(differ) > 1
        assert lines[0].endswith(f"file and other differ in {len(differ)} of 4 pictures that both have read")
        listed = [line.split()[0] for line in lines if line.startswith("  ") and "/0" in line]
        assert listed == sorted(listed, key=lambda name: -len(about[name])) and {*listed} == differ
        (smile,) = (line for line in lines if line.startswith("  smile"))
        seen = [each for each in about.values() if any(tag["name"] == "smile" for tag in each)]
        assert smile.split()[1] == str(len(seen)) and smile.endswith("/.95")

    def test_the_status_needs_the_manifest_alone(self, made, other, typed):
        made.run(*other.sets)
        before = typed("status", made.out, "--disagreements").out
        shutil.rmtree(made.out / "kohya")
        shutil.rmtree(made.art)
        assert typed("status", made.out, "--disagreements").out == before

    def test_a_set_with_one_reader_has_nothing_to_list(self, made, typed):
        said = typed("status", made.out, "--disagreements")
        assert said.code == 0 and "no picture was read by a second reader" in said.out

    def test_the_report_has_a_line(self, made, other):
        other.sees = {"smile"}
        made.run(*other.sets)
        assert "of 4 pictures, most about" in page(Set(made.out))
        made.run()
        assert "Second reader" not in page(Set(made.out))
