"""Spans: off they do nothing; on, each moment of a thread counts once, and a disk that fails stops nothing."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from prep.process import spans
from prep.process.spans import MOST_SPANS, recorded, recording, spent, spent_on_each, stage
from prep.process.trace import Sums, clear, put_together


def told(folder, began_ns=0) -> tuple[Sums, dict]:
    """What was recorded in a folder, and its trace."""
    path = folder.with_name("trace.json")
    return put_together(folder, path, spans.os.getpid(), began_ns), json.loads(path.read_text())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "trace").mkdir()
    return tmp_path / "trace"


def test_without_a_recording_nothing_is_kept(folder):
    with stage("scan"), spent("decode"):
        assert recording() is None
    assert spent("decode") is spent("write") and not list(folder.iterdir())


def test_each_moment_counts_once_under_the_innermost_kind(folder):
    with recorded(folder), stage("tag"), spent("prepare"), spent("decode"):
        until = time.perf_counter() + 0.02
        while time.perf_counter() < until:
            pass
    sums, trace = told(folder)
    kinds = sums.of("tag")
    assert {*kinds} == {"decode", "prepare", "other"} and kinds["decode"].seconds >= 0.02
    assert sum(each.seconds for each in kinds.values()) <= sums.stages["tag"].seconds
    decode, prepare, whole = trace["traceEvents"][:3]
    assert [each["name"] for each in (decode, prepare, whole)] == ["decode", "prepare", "tag"]
    assert whole["dur"] >= prepare["dur"] >= decode["dur"] >= 20_000


def test_an_error_ends_a_span_and_goes_on(folder):
    with recorded(folder):
        with pytest.raises(ValueError, match="bad"), spent("decode"):
            raise ValueError("bad")
        assert list(spent_on_each("draw", "ab")) == ["a", "b"]
    kinds = told(folder)[0].of("")
    assert kinds["decode"].times == 1 and kinds["draw"].times == 3  # the last finds that there is no more


def test_threads_are_told_apart_and_lose_nothing(folder):
    together = threading.Barrier(4)

    def work(_):
        together.wait()
        for _ in range(500):
            with spent("decode"), spent("read"):
                pass

    with recorded(folder), stage("tag"), ThreadPoolExecutor(4, "decode") as pool:
        list(pool.map(work, range(4)))
    sums, trace = told(folder)
    assert sums.of("tag")["read"].times == sums.of("tag")["decode"].times == 2_000 and not sums.left_out
    threads = {event["tid"] for event in trace["traceEvents"] if event["name"] == "read"}
    names = {event["tid"]: event["args"]["name"] for event in trace["traceEvents"] if event["name"] == "thread_name"}
    assert len(threads) == 4 and all(names[thread].startswith("decode") for thread in threads)


def test_a_network_counts_from_its_first_batch_to_its_last_in_each_stage(folder):
    def pause(kind: str, seconds: float) -> None:
        with spent(kind):
            time.sleep(seconds)

    def work() -> None:
        for kind in ("wait", "infer", "wait", "prepare", "infer", "wait"):
            pause(kind, 0.05 if kind == "wait" else 0.01)

    with recorded(folder):
        for _ in range(2):
            with stage("scan"):
                thread = threading.Thread(target=work)
                thread.start()
                pause("wait", 0.02)  # another thread's
                thread.join()
        for _ in range(2):
            with stage("check"):
                pause("infer", 0.01)
    sums, _ = told(folder)
    scan, check = sums.networks["scan"], sums.networks["check"]
    assert {*sums.networks} == {"scan", "check"} and check.waited == 0
    assert check.seconds == check.busy >= 0.02  # without what is between two visits of a thread
    assert scan.busy >= 0.04 and scan.waited >= 0.1 and scan.busy + scan.waited + 0.02 <= scan.seconds
    others = 4 * 0.05  # what the network waited before its first batch and after its last, in both visits
    assert scan.waited <= sums.of("scan")["wait"].seconds - others - 2 * 0.02
    assert scan.seconds <= sums.stages["scan"].seconds - others


def test_a_long_run_keeps_sums_of_all_and_the_first_spans_of_each_kind(folder):
    with recorded(folder), stage("scan"):
        for _ in range(MOST_SPANS + 50):
            with spent("decode"):
                pass
        with spent("write"):
            pass
    sums, trace = told(folder)
    names = [event["name"] for event in trace["traceEvents"]]
    assert sums.of("scan")["decode"].times == MOST_SPANS + 50 and names.count("decode") == MOST_SPANS
    assert names.count("write") == 1 and sums.left_out == 50 == trace["otherData"]["spans left out"]


def test_a_line_that_was_cut_off_is_left_out(folder):
    with recorded(folder), spent("decode"):
        pass
    (folder / f"123-0{spans.SUFFIX}").write_bytes(b'{"process":123,"threads":{},"sums":[["","read",1,')
    assert {*told(folder)[0].of("")} == {"decode"}


def test_a_folder_that_is_gone_costs_the_spans_and_nothing_else(folder):
    with recorded(folder), spent("decode"):
        folder.rmdir()
    assert not folder.exists()


def test_only_what_spans_wrote_is_removed(folder):
    with recorded(folder), spent("decode"):
        pass
    (folder / "mine.txt").write_text("mine")
    clear(folder)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    (folder / "mine.txt").unlink()
    clear(folder)
    assert not folder.exists()
