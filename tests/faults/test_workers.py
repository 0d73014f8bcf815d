"""A worker process that dies, or runs out of memory: the one file is a problem, the rest is done."""

import errno
import os
from pathlib import Path

import pytest

from prep.config import load_settings
from prep.errors import StoppedError
from prep.pipeline import measured
from prep.pipeline.road import run
from prep.run import Options
from prep.runners.local import LocalRunner
from prep.scan.measure import ScanJob
from tests.fakes import FakeTagger
from tests.faults.dying_jobs import DyingJob, KilledOnce, NeverStarting, Refusing
from tests.support.pictures import drawing, folder_of, save
from tests.support.runs import manifest, older, run_here, tree


@pytest.fixture
def art(tmp_path, monkeypatch, reads_with):
    reads_with(lambda options: FakeTagger())
    return folder_of(tmp_path / "art", mira=3, noa=2)


def go(art: Path, out: Path, tagger: Path, **options):
    return run(art, out, load_settings(art, None, (f"tagger.model={tagger}",)), Options(**options), LocalRunner(2))


@pytest.mark.parametrize("name", ["fatal.png", "fatal memory.png"])
def test_one_file_that_kills_its_worker_is_a_problem_and_the_rest_is_done(
    art, tmp_path, tiny_tagger, monkeypatch, name, capfd, reads_with
):
    save(drawing(99), art / "mira" / name)
    older(art)
    monkeypatch.setattr(measured, "ScanJob", DyingJob)
    assert go(art, tmp_path / "out", tiny_tagger).exit_code == 1
    reasons = {row["source"]: (row["status"], row["reason"]) for row in manifest(tmp_path / "out")}
    assert len(reasons) == 6 and reasons.pop(f"mira/{name}") == ("unreadable", "crash")
    assert set(reasons.values()) == {("kept", None)}
    assert f"mira/{name}: crash: its decoder crashed" in (tmp_path / "out" / "problems.txt").read_text()
    whole = tree(tmp_path / "out")
    # Known by now: not tried again, also by a run in which nothing would keep it from dying.
    run_here(art, tmp_path / "out", tiny_tagger)
    assert "0 read, 6 unchanged" in capfd.readouterr().out and tree(tmp_path / "out") == whole
    monkeypatch.undo()
    reads_with(lambda options: FakeTagger())
    assert run_here(art, tmp_path / "out", tiny_tagger, retry=True).exit_code == 0
    assert {row["status"] for row in manifest(tmp_path / "out")} == {"kept"}


@pytest.mark.slow
def test_several_fatal_files_are_each_found(tmp_path, art, tiny_tagger, monkeypatch, capfd):
    folder_of(art, tam=40)
    for character, name in (("mira", "fatal.png"), ("mira", "z fatal.png"), ("noa", "fatal memory.png")):
        save(drawing(len(name)), art / character / name)
    monkeypatch.setattr(measured, "ScanJob", DyingJob)
    assert go(art, tmp_path / "out", tiny_tagger).failed == 3
    assert sum(row["reason"] == "crash" for row in manifest(tmp_path / "out")) == 3
    assert sum(row["status"] == "kept" for row in manifest(tmp_path / "out")) == 45


def test_workers_that_refuse_to_start_say_why_and_print_no_traceback(art, tmp_path, tiny_tagger, monkeypatch, capfd):
    monkeypatch.setattr(measured, "ScanJob", Refusing)
    with pytest.raises(StoppedError, match=r"^no worker process could be started: no thread can be started\. Free"):
        go(art, tmp_path / "out", tiny_tagger)
    assert capfd.readouterr().err == ""


def test_workers_that_cannot_start_are_no_images_fault(art, tmp_path, tiny_tagger, monkeypatch, capfd):
    monkeypatch.setattr(measured, "ScanJob", NeverStarting)
    with pytest.raises(StoppedError, match="no worker process could be started"):
        go(art, tmp_path / "out", tiny_tagger)
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(measured, "ScanJob", ScanJob)
    assert run_here(art, tmp_path / "out", tiny_tagger).exit_code == 0


def test_a_worker_that_is_killed_while_it_starts_is_started_again(art, tmp_path, tiny_tagger, monkeypatch):
    monkeypatch.setattr(measured, "ScanJob", KilledOnce)
    assert go(art, tmp_path / "out", tiny_tagger).exit_code == 0
    assert (tmp_path / "out" / ".prep" / "killed once").exists()
    assert {row["status"] for row in manifest(tmp_path / "out")} == {"kept"}


def test_memory_that_runs_out_in_the_network_is_a_clean_stop(art, tmp_path, tiny_tagger, reads_with):
    class Greedy(FakeTagger):
        def scores(self, batch):
            if self.scored:
                raise MemoryError
            return super().scores(batch)

    reads_with(lambda options: Greedy(options.batch))
    with pytest.raises(StoppedError, match="memory"):
        run_here(art, tmp_path / "out", tiny_tagger, "tagger.batch=2")
    fake = FakeTagger()
    reads_with(lambda options: fake)
    run_here(art, tmp_path / "out", tiny_tagger)
    assert fake.scored == 5 - 2


def test_a_system_that_allows_no_more_processes_is_a_sentence(art, tmp_path, tiny_tagger, monkeypatch, capfd):
    def refused(pool, *call):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr("prep.runners.local._submitted", refused)
    with pytest.raises(StoppedError, match=f"no worker process could be started: {os.strerror(errno.EAGAIN)}. Free"):
        go(art, tmp_path / "out", tiny_tagger)
    assert capfd.readouterr().err == ""
