"""report.html in its place: written when something has changed, and never over what a person made."""

import shutil
from pathlib import Path

import pytest

from prep.dataset.own import OWN
from prep.files import cannot_write
from prep.ledger import Ledger
from prep.report.written import REPORT, after_run, report
from tests.support.runs import tree

OLD = Path(__file__).parents[1] / "made_by_0_1_0" / "out"


@pytest.fixture
def counted(monkeypatch):
    """How often a page was made."""
    from prep.report import page as module

    made, page = [], module.page
    monkeypatch.setattr(module, "page", lambda found: made.append(found) or page(found))
    return made


def test_a_set_that_has_not_changed_costs_no_page(made, counted):
    assert after_run(made.out) == f"report: {made.out / 'report.html'}"
    before = tree(made.out)
    after_run(made.out)
    assert len(counted) == 1 and tree(made.out) == before


@pytest.mark.parametrize("change", ["manifest", "toml", "removed"])
def test_a_change_makes_it_again(made, counted, change):
    after_run(made.out)
    if change == "manifest":
        made.run("thresholds.mode=fixed", "thresholds.fixed=0.3")
    elif change == "toml":
        (made.out / "kohya" / "dataset.toml").write_text("")
    else:
        (made.out / "report.html").unlink()
    after_run(made.out)
    assert len(counted) == 2 and (made.out / "report.html").exists()


def test_one_that_was_asked_for_is_no_reason_to_skip_the_next(made, counted):
    with made.door() as edits:
        edits.exclude([made.key("001")])
    report(made.out)
    first = (made.out / "report.html").read_bytes()
    with made.door() as edits:
        edits.restore([made.key("001")])
    after_run(made.out)
    assert len(counted) == 2 and (made.out / "report.html").read_bytes() != first


@pytest.mark.parametrize("earlier", [True, False])
def test_what_a_person_put_there_is_set_aside(made, earlier):
    if earlier:
        report(made.out)
    (made.out / "report.html").write_text("notes of mine")
    report(made.out)
    assert (made.out / "set_aside" / "report.html").read_text() == "notes of mine"
    assert (made.out / "report.html").read_text().startswith("<!doctype html>")


def test_in_a_set_of_0_1_0_too_and_its_other_files_stay_prep_s(tmp_path):
    out = tmp_path / "out"
    shutil.copytree(OLD, out)
    (out / "report.html").write_text("notes of mine")
    report(out)
    assert (out / "set_aside" / "report.html").read_text() == "notes of mine"
    assert not Ledger(out / ".prep" / "ledger").parts(OWN)  # else its manifest would be taken for a person's


def test_one_that_a_killed_run_left_is_prep_s(made, monkeypatch):
    report(made.out)
    (made.out / "kohya" / "dataset.toml").write_text("")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("prep.files.crash_point", killed)
        after_run(made.out)
    made.run()
    after_run(made.out)
    assert not (made.out / "set_aside" / "report.html").exists()


@pytest.mark.parametrize(
    "error", [cannot_write(Path("report.html"), OSError(5, "broken")), ValueError("odd"), MemoryError()]
)
def test_a_report_that_fails_is_one_line(made, monkeypatch, error):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr("prep.report.page.page", fails)
    assert after_run(made.out).startswith("report: not written (") and not (made.out / "report.html").exists()
    assert Ledger(made.out / ".prep" / "ledger").rows(REPORT) == {}
