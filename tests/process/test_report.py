"""A line is shown and kept in the log; what speaks through logging is seen the same; nothing stays behind."""

import logging
import re
import sys
from pathlib import Path

import pytest

from prep.process.report import LOGGER, Report

STAMPED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d (.*)")


def kept(log) -> list[str]:
    return [STAMPED.fullmatch(line)[1] for line in log.read_text().splitlines()]


def test_what_is_said_is_shown_and_kept_with_its_time(tmp_path, capsys):
    with Report(tmp_path / "log") as report:
        report.say("scan: 3 files, 100 % of them")
        report.note("run over /art")
    assert capsys.readouterr().out == "scan: 3 files, 100 % of them\n"
    assert kept(tmp_path / "log") == ["scan: 3 files, 100 % of them", "run over /art"]


def test_a_part_without_a_report_is_seen_as_one_with_it(tmp_path, capsys):
    with Report(tmp_path / "log"):
        logging.getLogger("prep.taggers").info("tag: %d images", 3)
        logging.getLogger("prep.taggers").warning("tag: slower here")
        logging.getLogger("prep.taggers").debug("for the log")
    assert capsys.readouterr().out == "tag: 3 images\ntag: slower here\n"
    assert kept(tmp_path / "log") == ["tag: 3 images", "tag: slower here", "for the log"]


def test_the_first_item_loads_the_model_and_does_not_count_for_the_rest(monkeypatch, capsys):
    now = iter((0, 300, 310, 320))  # the model is loaded for 290 s; each picture takes 10 s
    monkeypatch.setattr("prep.process.report.time.monotonic", lambda: next(now))
    monkeypatch.setattr("prep.process.report.QUIET_SECONDS", 0)
    with Report() as report:
        assert list(report.bar("tag", "abc", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().out.splitlines() == [
        "tag: 1 of 3",
        "tag: 2 of 3, about 10 s left",
        "tag: 3 of 3, about 0 s left",
    ]


def test_a_second_run_adds_to_the_log(tmp_path, capsys):
    for line in ("first", "second"):
        with Report(tmp_path / "log") as report:
            report.say(line)
    assert kept(tmp_path / "log") == ["first", "second"]


def test_a_name_that_is_no_text_is_shown_with_its_bytes(tmp_path, capsys):
    with Report(tmp_path / "log") as report:
        report.say("mira/\udcff.png")
    assert capsys.readouterr().out == "mira/\\xff.png\n"
    assert kept(tmp_path / "log") == ["mira/\\xff.png"]


def test_a_root_logger_that_a_library_set_up_shows_no_line_twice(tmp_path, capfd):
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(handler)
    try:
        with Report() as report:
            report.say("once")
    finally:
        logging.getLogger().removeHandler(handler)
    assert tuple(capfd.readouterr()) == ("once\n", "")


def test_a_closed_report_leaves_logging_as_it_was(tmp_path, capsys):
    before = (LOGGER.level, LOGGER.propagate, list(LOGGER.handlers))
    with pytest.raises(KeyError), Report(tmp_path / "log"):
        raise KeyError
    assert (LOGGER.level, LOGGER.propagate, list(LOGGER.handlers)) == before
    logging.getLogger("prep").info("nobody listens")
    assert capsys.readouterr().out == "" and not (tmp_path / "log").exists()


def test_a_quiet_report_says_nothing_also_while_another_is_open(tmp_path, capsys):
    with Report(tmp_path / "log") as report:
        Report(quiet=True).say("a preview's line")
        report.say("a run's line")
    assert capsys.readouterr().out == "a run's line\n" and kept(tmp_path / "log") == ["a run's line"]


@pytest.mark.parametrize("log", ["/dev/full", "/no such folder/log"])
def test_a_log_that_cannot_be_written_stops_nothing(log, capfd):
    with Report(Path(log)) as report:
        report.say("still here")
        report.note("lost")
    assert tuple(capfd.readouterr()) == ("still here\n", "")


def test_a_bar_yields_every_item_and_tells_how_far_it_is_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr("prep.process.report.QUIET_SECONDS", 0)
    with Report() as report:
        assert list(report.bar("tag", "abc", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().out.splitlines()[0] == "tag: 1 of 3"
