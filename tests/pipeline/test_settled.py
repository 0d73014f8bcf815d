"""A set that the last run left with nothing to do is not worked through again, and what is said of it is the same."""

import json
import os
from pathlib import Path

import pytest

from prep.config import load_settings
from prep.pipeline import outlook, road, settled
from prep.pipeline.result import Result
from prep.pipeline.settled import finish, last_result, last_status
from prep.pipeline.status import status_of
from prep.run import Options
from tests.fakes import FakeRunner
from tests.support.cropping import CROPS
from tests.support.person import HIGH, NOTHING, SIDE, Art, small
from tests.support.runs import older

RED = "red scarf"


@pytest.fixture(autouse=True)
def _small_sets_too(monkeypatch):
    monkeypatch.setattr(settled, "LEAST_IMAGES", 1)


class Worked:
    """A set whose settings are those of its own files, as far as prep can tell."""

    def __init__(self, art: Art, sets: tuple[str, ...], patch: pytest.MonkeyPatch) -> None:
        self.src, self.out = art.art, art.out
        sets = (f"tagger.model={art.tagger}", *SIDE, *sets)

        def load(src=None, config=None, more=(), out=None):
            return load_settings(src, config, (*sets, *more), out)

        patch.setattr("prep.config.load_settings", load)
        patch.setattr("prep.pipeline.status.load_settings", load)
        self.load = load
        older(self.src)  # else the next run reads again what was young when it was read

    def run(self, *sets: str, **options) -> Result:
        settings, asked = self.load(self.src, None, sets, self.out), Options(**options)
        return finish(self.src, self.out, settings, asked, road.run(self.src, self.out, settings, asked, FakeRunner()))

    def last(self, *sets: str, **options) -> Result | None:
        return last_result(self.src, self.out, self.load(self.src, None, sets, self.out), Options(**options))

    @property
    def is_kept(self) -> bool:
        return last_status(self.out) is not None


@pytest.fixture
def worked(made, monkeypatch) -> Worked:
    found = Worked(made, (*NOTHING, *HIGH), monkeypatch)
    found.run()
    return found


def state(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def caption_of(out: Path) -> Path:
    return next(iter(sorted(out.glob("kohya/*_mira/*.txt"))))


def test_a_run_over_an_unchanged_set_says_the_same_and_writes_nothing(worked, monkeypatch, capsys):
    capsys.readouterr()
    before = state(worked.out)
    monkeypatch.setattr(road, "find_images", lambda *_: pytest.fail("SRC was searched"))
    result = worked.run()
    first, *told = capsys.readouterr().out.splitlines()
    assert first == "nothing has changed since the last run: 4 pictures looked at"
    assert told == [*result.told] and told[-1].endswith("pictures kept")
    assert (result.images, result.kept, result.exit_code, result.ending) == (4, 4, 0, "done")
    assert result.report == f"report: {worked.out / 'report.html'}"
    assert state(worked.out) == before


def test_it_says_what_the_run_said_that_worked_through_all_of_it(worked):
    again = worked.run()
    (worked.out / ".prep" / "settled.json").unlink()
    whole = worked.run()
    assert (again.told, again.ending, again.report, again.exit_code) == (
        whole.told, whole.ending, whole.report, whole.exit_code
    )  # fmt: skip


def test_problems_stay_problems(made, monkeypatch):
    (made.art / "mira" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (made.art / "mira" / "page.psd").write_bytes(b"8BPS")
    worked = Worked(made, (*NOTHING, *HIGH), monkeypatch)
    first, again = worked.run(), worked.run()
    assert not again.seconds and again.exit_code == 1 and again.ending == "done, with problems"
    assert again.told == first.told


@pytest.mark.parametrize(
    "options",
    [{"retry": True}, {"rehash": True}, {"rebalance": True}, {"restore": True}, {"to": "caption"}, {"profile": True}],
)
def test_a_run_that_is_to_do_more_or_less_does_it(worked, options):
    assert worked.last() and not worked.last(**options)


def test_a_run_with_a_profile_settles_the_set_for_those_without(worked):
    small(50, worked.src / "mira" / "new.png")
    older(worked.src)
    assert worked.run(profile=True).seconds and worked.last()


def test_other_settings_another_start_or_another_out_are_another_run(worked):
    assert not worked.last("captions.max_tags=3")
    assert not worked.last(given=("--set", "captions.spaces=true"))
    elsewhere = worked.out.parent / "art" / ".." / "out"
    assert not last_result(worked.src, elsewhere, worked.load(worked.src, out=elsewhere), Options())


def test_an_edited_caption_is_merged_and_the_next_run_settles_the_set_again(worked):
    path = caption_of(worked.out)
    path.write_text(f"{path.read_text()}, {RED}")
    assert not worked.last() and not worked.is_kept
    assert worked.run().seconds and not worked.last()  # a short run does not look twice
    assert worked.run().seconds
    assert worked.last() and RED in path.read_text()


def test_what_a_person_does_while_the_run_ends_is_not_overlooked(worked, monkeypatch):
    path = caption_of(worked.out)
    small(50, worked.src / "mira" / "new.png")
    idle = outlook.is_idle

    def edited_meanwhile(made):
        found = idle(made)
        path.write_text(f"{path.read_text()}, {RED}")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(outlook, "is_idle", edited_meanwhile)
        worked.run()
    assert not worked.last() and not worked.is_kept


@pytest.mark.parametrize("what", ["caption", "picture", "removed caption", "dataset.toml", "new picture"])
def test_what_a_person_did_after_the_run_had_looked_is_seen_by_the_dry_run(worked, monkeypatch, what):
    small(50, worked.src / "mira" / "new.png")
    path, after = caption_of(worked.out), road._lines

    def edited(*arguments):
        match what:
            case "caption":
                path.write_text(f"{path.read_text()}, {RED}")
            case "picture":
                path.with_suffix(".png").unlink()
            case "removed caption":
                path.unlink()
            case "dataset.toml":
                (worked.out / "kohya" / "dataset.toml").write_text("# mine\n")
            case "new picture":
                small(51, worked.src / "mira" / "newer.png")
        return after(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(road, "_lines", edited)
        worked.run()
    assert not worked.last() and not worked.is_kept


def test_captions_beside_the_pictures_in_src_are_looked_at_too(made, monkeypatch):
    worked = Worked(made, (*NOTHING, *HIGH, "captions.sidecars=source"), monkeypatch)
    worked.run()
    assert worked.last()
    (worked.src / "mira" / "000.txt").unlink()
    assert not worked.last()
    after = road._lines

    def removed(*arguments):
        (worked.src / "mira" / "000.txt").unlink()
        return after(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(road, "_lines", removed)
        worked.run()
    assert not worked.last()


def test_other_trainers_formats_are_settled_once_none_of_them_is_written(made, monkeypatch):
    worked = Worked(made, (*NOTHING, *HIGH, 'export.formats=["imagefolder"]'), monkeypatch)
    worked.run()
    assert not worked.last()
    worked.run()
    assert worked.last()


def test_a_damaged_or_edited_proof_does_not_count(worked):
    path = worked.out / ".prep" / "settled.json"
    data = path.read_text()
    for other in (data.replace("pictures kept", "pictures lost"), data[:-20], "[]", "{}", "\x00"):
        path.write_text(other)
        assert not worked.last() and not worked.is_kept
    path.write_text(data)
    assert worked.last() and worked.is_kept


@pytest.mark.parametrize("change", [{}, [], "x", {"status": [1]}, {"texts": [5]}, {"result": {}}, {"at_ns": "now"}])
def test_a_proof_that_somebody_else_made_is_no_traceback(worked, change):
    path = worked.out / ".prep" / "settled.json"
    kept = json.loads(path.read_text())["kept"]
    made = {**kept, **change} if isinstance(change, dict) and change else change
    path.write_text(json.dumps({"sum": settled._sum(made), "kept": made}))
    assert not worked.last() and not worked.is_kept


def test_a_small_set_keeps_nothing(made, monkeypatch):
    monkeypatch.setattr(settled, "LEAST_IMAGES", 5)
    worked = Worked(made, (*NOTHING, *HIGH), monkeypatch)
    worked.run()
    assert not (worked.out / ".prep" / "settled.json").exists()


def test_what_another_machine_would_say_is_not_known_from_files(made, monkeypatch):
    worked = Worked(made, (*NOTHING, *HIGH, "captioner.model=llm:http://127.0.0.1:9/v1"), monkeypatch)
    worked.run()
    assert not (worked.out / ".prep" / "settled.json").exists()


def same_status(worked: Worked) -> list[str]:
    """What status says, after a check that it is what all of the work would say."""
    lines = last_status(worked.out)
    assert lines == [*status_of(worked.out)]
    return lines


def test_status_is_as_computed_for_a_plain_set_with_hand_edits(worked):
    same_status(worked)
    path = caption_of(worked.out)
    path.write_text(f"{path.read_text()}, {RED}")
    next(iter(worked.out.glob("kohya/*_noa/*.txt"))).write_text("\n")
    worked.run()
    worked.run()
    assert any(" 1 " in line or "yours" in line for line in same_status(worked))
    relative = Path(os.path.relpath(worked.out))
    assert last_status(relative) == [*status_of(relative)]


def test_status_is_as_computed_with_problems_and_variants(made, monkeypatch):
    (made.art / "mira" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for number in range(3):
        small(30 + number, made.art / "mira" / "maid" / f"{number}.png")
    worked = Worked(made, (*NOTHING, *HIGH), monkeypatch)
    worked.run()
    assert any("maid" in line for line in same_status(worked))


def test_status_is_as_computed_for_captions_in_a_form(made, monkeypatch):
    worked = Worked(made, (*NOTHING, *HIGH, "captions.for=sd35"), monkeypatch)
    worked.run()
    same_status(worked)


def test_status_is_as_computed_with_two_readers(made, other, monkeypatch):
    worked = Worked(made, (*NOTHING, *HIGH, *other.sets), monkeypatch)
    worked.run()
    assert worked.run().seconds == {}
    assert "other" in same_status(worked)[0]


def test_status_is_as_computed_with_crops(cropped, monkeypatch):
    worked = Worked(cropped, (*NOTHING, *HIGH, *CROPS), monkeypatch)
    worked.run()
    assert any("crops: " in line for line in same_status(worked))


def test_a_set_is_settled_once_a_run_has_drawn_nothing_more(painted, monkeypatch):
    worked = Worked(painted, painted.sets, monkeypatch)
    small(60, painted.art / "noa" / "new.png")
    older(painted.art)
    for _ in range(4):
        result = worked.run()
        assert not (result.todo.get("generate") and worked.last())
    assert not result.seconds
    assert any("drawn: " in line for line in same_status(worked))
    drawn = next(iter(painted.out.glob("generated/*/*/*.png")))
    drawn.unlink()
    assert not worked.last() and not worked.is_kept
