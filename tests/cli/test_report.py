"""prep report, and the report at the end of prep run."""

import pytest

from prep.process.lock import locked
from tests.support.finished import small_set
from tests.support.pages import read_page
from tests.support.pictures import folder_of
from tests.support.runs import tree


def test_it_writes_the_page_and_says_where(typed, tmp_path):
    out = small_set(tmp_path / "out")
    assert typed("report", out) == (0, f"report: {out / 'report.html'}\n", "")
    page = (out / "report.html").read_text()
    assert "Mira" in read_page(page).text and str(tmp_path) not in page


def test_a_folder_that_is_no_set_is_a_sentence_and_nothing_is_written(typed, tmp_path):
    (tmp_path / "art").mkdir()
    (tmp_path / "begun" / ".prep").mkdir(parents=True)
    before = tree(tmp_path)
    for name, why in (("art", "was not made by prep"), ("begun", "is not finished"), ("none", "was not made by prep")):
        said = typed("report", tmp_path / name)
        assert said.code == 2 and why in said.err and not said.out
    assert tree(tmp_path) == before


def test_it_waits_for_no_run(typed, tmp_path):
    out = small_set(tmp_path / "out")
    with locked(out / ".prep" / "lock"):
        said = typed("report", out)
    assert said.code == 3 and "is in use by" in said.err


@pytest.fixture
def ran(typed, tmp_path, tiny_tagger):
    art, out = folder_of(tmp_path / "art", mira=2), tmp_path / "out"
    sets = ("--set", f"tagger.model={tiny_tagger}", "--set", "generator.model=none")
    return out, lambda *more: typed("run", art, "--out", out, *sets, *more)


def test_a_run_ends_with_the_page(ran):
    out, run = ran
    said = run()
    lines = said.out.splitlines()
    assert said.code == 0 and f"report: {out / 'report.html'}" in lines
    assert [line.partition(":")[0] for line in lines[-4:]] == ["look", "train", "report", "done"]
    before = tree(out)
    assert f"report: {out / 'report.html'}" in run().out and tree(out) == before


def test_a_run_that_stops_early_makes_none(ran):
    out, run = ran
    assert "report" not in run("--to", "tag").out and not (out / "report.html").exists()


def test_a_page_that_fails_does_not_fail_the_run(ran, monkeypatch):
    def fails(*_):
        raise ValueError("odd")

    monkeypatch.setattr("prep.report.page.page", fails)
    said = ran[1]()
    assert said.code == 0 and "report: not written (odd); `prep report` tries again" in said.out
    assert said.out.splitlines()[-1] == "done"
