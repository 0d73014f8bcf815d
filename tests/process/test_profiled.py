"""`prep run --profile`: the table, the trace that a browser opens, and what a run leaves that did not end well."""

import importlib
import json
import re
import signal
from collections import defaultdict
from pathlib import Path

import pytest

from prep.config import load_settings
from prep.errors import Interrupted, StoppedError
from prep.pipeline import measured, road
from prep.process.signals import interruptible
from prep.process.spans import SUFFIX
from prep.run import Options
from prep.runners.local import LocalRunner
from tests.fakes import FakeTagger
from tests.faults.dying_jobs import DyingJob
from tests.support.pictures import drawing, folder_of, save
from tests.support.processes import awkward_art, finish, interrupt, start, wait_for
from tests.support.runs import prep, run_here, tree

ROOT = Path(__file__).parents[2]
WORKERS = 2
LEAST = {"scan", "export"}  # of the stages, those that take long enough for a line on any machine
STAGES = ["scan", "tag", "profile", "caption", "crop", "generate", "check", "export"]


def go(art: Path, out: Path, *sets: str, **options):
    settings = load_settings(art, None, ("generator.model=none", *sets), out)
    return road.run(art, out, settings, Options(**options), LocalRunner(WORKERS))


def spans_of(out: Path) -> list[dict]:
    """The spans of a trace, each with whole numbers of process and thread, and within no other that it crosses."""
    events = json.loads((out / ".prep" / "trace.json").read_text())["traceEvents"]
    spans = [event for event in events if event["ph"] == "X"]
    by_thread = defaultdict(list)
    for span in spans:
        assert type(span["pid"]) is type(span["tid"]) is int and span["ts"] >= 0 and span["dur"] >= 0
        by_thread[span["pid"], span["tid"]].append((span["ts"], -span["dur"]))
    for own in by_thread.values():
        around = []  # where those end that are open
        for begin, length in sorted(own):
            while around and around[-1] <= begin:
                around.pop()
            assert not around or begin - length <= around[-1] + 0.002, "two spans of a thread cross"  # ms rounding
            around.append(begin - length)
    assert {event["pid"] for event in events if event["name"] == "process_name"} == {span["pid"] for span in spans}
    return spans


def table_of(said: str) -> dict[str, dict[str, float]]:
    """Stage -> work -> seconds; work "": the stage itself."""
    found: dict[str, dict[str, float]] = {}
    for line in said.partition("stage     work")[2].splitlines()[1:]:
        if not re.search(r" [\d.]+ %$", line):
            break
        stage, work, seconds = line[:10].strip(), line[10:20].strip(), float(line[28:38].replace(",", ""))
        own = found.setdefault(stage, {}) if stage else own  # noqa: F821 - the stage of the lines before
        own[work] = seconds
    return found


@pytest.fixture(scope="module")
def profiled(tmp_path_factory):
    """-> OUT of a profiled run with the starter tagger, what it said, and OUT of the same run without."""
    folder = tmp_path_factory.mktemp("profiled")
    art = folder_of(folder / "art", mira=3, noa=3)
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("prep.process.report.Report.say", lambda self, line: said.append(line))
        assert go(art, folder / "out", "tagger.model=starter", profile=True).exit_code == 0
        assert go(art, folder / "plain", "tagger.model=starter").exit_code == 0
    return folder / "out", "\n".join(said), folder / "plain"


def test_the_table_names_every_stage_and_what_it_was_spent_on(profiled):
    table = table_of(profiled[1])
    assert list(table) == [*filter(table.__contains__, STAGES), "between"] and {*table} >= LEAST
    assert {"start", "load", "workers", "infer"} <= {*table["scan"]} and "sheets" in table["export"]
    recorded = {(each["cat"], each["name"]) for each in spans_of(profiled[0])}
    assert {(stage, work) for stage in {*table} - {"between"} for work in table[stage]} - recorded <= {
        (stage, work) for stage in STAGES for work in ("", "other")
    }


def test_the_scan_and_the_network_beside_it_each_say_for_whom_they_wait(profiled):
    events = json.loads((profiled[0] / ".prep" / "trace.json").read_text())["traceEvents"]
    named = {(event["pid"], event["tid"]): event["args"]["name"] for event in events if event["name"] == "thread_name"}
    waits = ("wait", "hold", "workers", "infer")
    seen = {(named[each["pid"], each["tid"]], each["name"]) for each in spans_of(profiled[0]) if each["cat"] == "scan"}
    assert {each for each in seen if each[1] in waits} == {
        ("tag", "wait"), ("tag", "infer"), ("MainThread", "hold"), ("MainThread", "workers"),
    }  # fmt: skip


def test_sums_are_within_what_the_threads_had(profiled):
    wall = float(re.search(r"where the time went: ([\d.]+) s", profiled[1])[1])
    table = table_of(profiled[1])
    assert sum(own[""] for own in table.values()) == pytest.approx(wall, abs=0.1)
    for stage, own in table.items():
        threads = len({(each["pid"], each["tid"]) for each in spans_of(profiled[0]) if each["cat"] == stage})
        assert sum(own.values()) - own[""] <= own[""] * max(1, threads) + 0.1


def test_the_trace_has_every_picture_of_every_process(profiled):
    spans = spans_of(profiled[0])
    scan = [each for each in spans if each["cat"] == "scan"]
    assert [each["name"] for each in scan].count("decode") == [each["name"] for each in scan].count("read") == 6
    assert {each["pid"] for each in scan if each["name"] == "decode"} <= {2, 3}  # the workers; 1 is the driver
    driver = [each for each in spans if each["pid"] == 1]
    assert {*STAGES, "load", "infer", "wait", "write", "manifest"} <= {each["name"] for each in driver}


def test_a_sentence_says_what_to_change_and_a_line_where_the_trace_is(profiled):
    said = profiled[1].splitlines()
    at = next(number for number, line in enumerate(said) if line.startswith("trace: "))
    assert str(profiled[0] / ".prep" / "trace.json") in said[at]
    for line in said[next(number for number, line in enumerate(said) if line.startswith("between")) + 1 : at]:
        assert line.endswith(".") and ": " in line


def test_a_plan_has_no_profile(tmp_path):
    done = prep("run", folder_of(tmp_path / "art", mira=1), "--out", tmp_path / "out", "--plan", "--profile")
    assert done.returncode == 2 and "a plan has no profile" in done.stderr and not (tmp_path / "out").exists()


def test_a_profile_changes_nothing_that_is_made(profiled):
    assert tree(profiled[0]) == tree(profiled[2])


def test_without_it_there_is_neither_a_trace_nor_a_file_of_a_process(profiled):
    assert not (profiled[2] / ".prep" / "trace.json").exists()
    for out in (profiled[0], profiled[2]):
        assert not (out / ".prep" / "trace").exists()


def test_an_interrupted_run_leaves_the_trace_of_what_was_done(tmp_path, tiny_tagger, capsys, reads_with):
    class Signalling(FakeTagger):
        def scores(self, batch):
            signal.raise_signal(signal.SIGINT)
            return super().scores(batch)

    reads_with(lambda options: Signalling())
    art, out = folder_of(tmp_path / "art", mira=3), tmp_path / "out"
    with pytest.raises(Interrupted), interruptible():
        run_here(art, out, tiny_tagger, profile=True)
    said = list(table_of(capsys.readouterr().out))
    assert "scan" in said and {*said} <= {"scan", "tag", "between"}
    assert {"scan", "tag", "decode", "infer"} <= {each["name"] for each in spans_of(out)}
    assert not (out / ".prep" / "trace").exists()


def test_a_run_that_does_not_begin_says_only_why(tmp_path, tiny_tagger, capsys):
    class Nowhere(LocalRunner):
        def begin(self, src, out):
            raise StoppedError("nobody answers there")

    art, out = folder_of(tmp_path / "art", mira=1), tmp_path / "out"
    settings = load_settings(art, None, (f"tagger.model={tiny_tagger}",), out)
    with pytest.raises(StoppedError, match="nobody answers"):
        road.run(art, out, settings, Options(profile=True), Nowhere())
    assert capsys.readouterr().out == "" and not (out / ".prep" / "trace").exists()


def test_the_next_run_removes_what_a_killed_one_recorded(tmp_path, tiny_tagger, reads_with):
    reads_with(lambda options: FakeTagger())
    art, out = folder_of(tmp_path / "art", mira=1), tmp_path / "out"
    (out / ".prep" / "trace").mkdir(parents=True)
    (out / ".prep" / "trace" / f"12-ab{SUFFIX}").write_text('{"process":')
    assert run_here(art, out, tiny_tagger).exit_code == 0
    assert not (out / ".prep" / "trace").exists()


def test_a_trace_that_cannot_be_written_is_a_line_and_the_run_is_whole(tmp_path, tiny_tagger, capsys, reads_with):
    reads_with(lambda options: FakeTagger())
    art, out = folder_of(tmp_path / "art", mira=1), tmp_path / "out"
    (out / ".prep" / "trace.json").mkdir(parents=True)
    assert run_here(art, out, tiny_tagger, profile=True).exit_code == 0
    assert "profile: there is no trace: " in capsys.readouterr().out and not (out / ".prep" / "trace").exists()


@pytest.mark.slow
def test_a_worker_that_dies_leaves_nothing_half(tmp_path, tiny_tagger, monkeypatch, capfd, reads_with):
    reads_with(lambda options: FakeTagger())
    art = folder_of(tmp_path / "art", mira=5)
    save(drawing(99), art / "mira" / "fatal.png")
    monkeypatch.setattr(measured, "ScanJob", DyingJob)
    out = tmp_path / "out"
    assert go(art, out, f"tagger.model={tiny_tagger}", profile=True).exit_code == 1
    scan = [each for each in spans_of(out) if each["cat"] == "scan"]
    assert sum(each["name"] == "decode" for each in scan) >= 5 and not (out / ".prep" / "trace").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_scan_of_a_real_run_leaves_a_whole_trace(tmp_path, tiny_tagger, number):
    art, out = awkward_art(tmp_path / "art", 400), tmp_path / "out"
    process = start(art, out, tiny_tagger, "--profile", group=True)
    wait_for(lambda: any((out / ".prep" / "ledger" / "scan").glob("*.parquet")), process)
    interrupt(process, number)
    ended, said, told = finish(process)
    assert ended == 128 + number and len(told.splitlines()) == 1, told
    assert "scan" in table_of(said) and {"scan", "decode"} <= {each["name"] for each in spans_of(out)}
    assert not (out / ".prep" / "trace").exists()


@pytest.fixture
def page(monkeypatch):
    """docs/make_profile.py, which writes the page's transcript."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    return importlib.import_module("make_profile")


def test_the_page_explains_every_kind_of_work_and_shows_every_stage(page):
    text = page.PAGE.read_text().split("## Where the time goes")[1].split("\n## ")[0]
    sources = "".join(path.read_text() for path in (ROOT / "prep").rglob("*.py"))
    kinds = set(re.findall(r'spent(?:_on_each)?\("(\w+)"', sources)) | {"other"}
    explained = {kind for line in text.splitlines() if line.startswith("| `") for kind in re.findall(r"`(\w+)`", line)}
    assert kinds <= explained and len(kinds) >= 15
    shown = table_of(page.block(text).replace("\n    ", "\n"))
    assert list(shown) == [*filter(shown.__contains__, STAGES), "between"] and {*shown} >= {*LEAST, "generate", "check"}
    assert {kind for own in shown.values() for kind in own} <= {*kinds, ""}


@pytest.mark.slow
def test_the_page_shows_what_its_command_prints(page, tmp_path):
    kept, made = page.block(page.PAGE.read_text()), page.profile(tmp_path / "out")
    assert re.sub(r"[\d.]+", "N", kept).splitlines()[:4] == re.sub(r"[\d.]+", "N", made).splitlines()[:4]
    assert kept.splitlines()[-1] == made.splitlines()[-1]
    kept, made = (table_of(text.replace("\n    ", "\n")) for text in (kept, made))
    for found in (kept, made):
        assert {*found} >= {*LEAST, "generate", "check"} and found["scan"].keys() >= {"infer", "decode", "workers"}
