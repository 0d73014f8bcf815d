"""Ctrl-C and SIGTERM: what is done is kept, one line says so, nothing stays behind; the second leaves at once."""

import signal

import pytest

from tests.faults.dying import signalled
from tests.support.processes import alive, awkward_art, children, finish, interrupt, kill, run_to_end, start, wait_for


@pytest.fixture(scope="module")
def art(tmp_path_factory):
    return awkward_art(tmp_path_factory.mktemp("signals") / "art", 160)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_was_tagged_before_a_signal_is_kept(tmp_path, tiny_tagger, art, number, code):
    out = tmp_path / "out"
    ended, _, told = signalled(art, out, tiny_tagger, number=number, after_images=40)
    assert ended == code and len(told.splitlines()) == 1 and "run again" in told
    _, said, _ = run_to_end(art, out, tiny_tagger, "--to", "tag")
    assert "0 read" in said and "tag: 112 images with file (40 done before)" in said


def test_a_signal_while_the_network_works_ends_a_real_run(tmp_path, tiny_tagger, art):
    out = tmp_path / "out"
    process = start(art, out, tiny_tagger, "--set", "tagger.batch=1", group=True)
    wait_for(lambda: any((out / ".prep" / "ledger" / "vocabulary").glob("*.parquet")), process)
    interrupt(process, signal.SIGTERM)
    ended, _, told = finish(process)
    assert ended == 143 and len(told.splitlines()) == 1, told


def test_a_signal_during_the_scan_leaves_no_worker(tmp_path, tiny_tagger, art):
    out = tmp_path / "out"
    process = start(art, out, tiny_tagger, group=True)
    wait_for(lambda: len(children(process)) >= 3, process)
    workers = children(process)
    interrupt(process)
    ended, _, told = finish(process)
    assert ended == 130 and len(told.splitlines()) == 1, told
    wait_for(lambda: not any(map(alive, workers)))


def test_a_second_signal_leaves_at_once(tmp_path, tiny_tagger, art):
    out = tmp_path / "out"
    process = start(art, out, tiny_tagger, group=True)
    wait_for(lambda: len(children(process)) >= 3, process)
    workers = children(process)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    ended, _, told = finish(process)
    assert ended in (130, 143) and "Traceback" not in told
    wait_for(lambda: not any(map(alive, workers)))


def test_workers_leave_with_a_killed_driver(tmp_path, tiny_tagger, art):
    process = start(art, tmp_path / "out", tiny_tagger)
    wait_for(lambda: len(children(process)) >= 3, process)
    assert children(process)
    kill(process)  # waits for them
