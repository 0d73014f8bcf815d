"""`--runner ray`: real clusters of raylets on this machine. Nearly all is skipped where Ray is not installed."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest

from prep.errors import Interrupted, StoppedError, UsageError
from prep.models.known import PACKAGE
from prep.process.signals import interruptible
from prep.protocols import Needs, Outcome
from prep.runners import load_runner
from prep.runners._ray_nodes import Share, shares
from tests.support.card_job import CardJob
from tests.support.pictures import drawing, save
from tests.support.processes import SMALL, awkward_art, finish, wait_for
from tests.support.raylets import ROOT, begun, cluster
from tests.support.runs import older, prep, tree

with_ray = pytest.mark.skipif(not find_spec("ray"), reason="Ray is not installed (pip install 'ray[client]', 260 MB)")
TO = ("--to", "export", "--set", "generator.model=none", *SMALL)


def node(name: str, **resources: float) -> dict:
    return {"NodeID": name, "NodeManagerHostname": name, "NodeManagerAddress": name, "Resources": resources}


# Without Ray


def test_without_ray_the_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    with pytest.raises(UsageError, match=r"needs Ray, which is not installed. `pip install 'ray\[client\]'`"):
        load_runner("ray")


def test_an_address_is_for_a_runner_that_takes_one():
    with pytest.raises(UsageError, match="no runner is called local://here"):
        load_runner("local://here")


@pytest.mark.parametrize("address", ["s3://bucket/art", "gs://bucket/art", "hf://datasets/me/art"])
def test_an_object_store_is_no_folder(tmp_path, address):
    for arguments in ((address, "--out", tmp_path / "out"), (tmp_path, "--out", address)):
        done = prep("run", *arguments, "--runner", "ray")
        assert (
            done.returncode == 2 and f"{address} is an address, and prep needs folders on a file system" in done.stderr
        )


def test_a_node_has_a_worker_per_card_if_any_node_has_cards():
    nodes = [node("a", CPU=16, GPU=2, memory=10**11), node("b", CPU=8, memory=10**11)]
    assert shares(nodes, Needs(cpus=4, gpu=True)) == [Share("a", "a", 4, 1)] * 2
    assert shares([node("a", CPU=3, GPU=2)], Needs(cpus=4, gpu=True)) == [Share("a", "a", 1, 1)] * 2
    assert shares([node("a", CPU=1, GPU=2)], Needs(cpus=4, gpu=True)) == [Share("a", "a", 0.5, 1)] * 2
    assert shares(nodes, Needs(cpus=4)) == [Share("a", "a", 4, 0)] * 4 + [Share("b", "b", 4, 0)] * 2


def test_a_node_has_as_many_workers_as_its_processors_and_memory_allow_and_at_least_one():
    small, large = node("a", CPU=1, memory=10**9), node("b", CPU=9, memory=5 * 10**9)
    assert shares([small], Needs(cpus=4, gpu=True, memory_bytes=2 * 10**9)) == [Share("a", "a", 1, 0)]
    assert shares([large], Needs(cpus=1, memory_bytes=2 * 10**9)) == [Share("b", "b", 4, 0)] * 2
    assert shares([node("head", memory=10**9)], Needs()) == []
    assert len(shares([small, large], Needs(elsewhere=True))) == 1


# With Ray, without a cluster


@with_ray
def test_an_address_at_which_nobody_listens(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(
        StoppedError, match=f"no Ray cluster can be reached at ray://127.0.0.1:{port}: Connection refused"
    ):
        runner = load_runner("ray")
        runner.address = f"ray://127.0.0.1:{port}"
        runner.begin(tmp_path, tmp_path)


@with_ray
@pytest.mark.slow
def test_something_else_listens_there(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(StoppedError, match="does not pass `ray health-check"):
            load_runner("ray").begin(tmp_path, tmp_path)


# On a cluster


@pytest.fixture(scope="module")
def two():
    """Two nodes for all tests that kill none."""
    if not find_spec("ray"):
        pytest.skip("Ray is not installed")
    with cluster(2) as found:
        yield found


def on(raylets, src: Path, out: Path, *arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-m", "prep", "run", src, "--out", out, "--runner", "ray", *TO, *arguments]
    return subprocess.Popen(
        [*map(str, command)], env=os.environ | {"RAY_ADDRESS": raylets.address}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def workers_of(out: Path, shelf: str) -> set[str]:
    """The Ray workers that have written parts."""
    return {part.name.split("-")[1] for part in (out / ".prep" / "ledger" / shelf).glob("*-ray*.parquet")}


@with_ray
@pytest.mark.slow
def test_the_set_has_the_bytes_of_a_local_run_and_nothing_else_is_said(two, tmp_path):
    art = awkward_art(tmp_path / "art", 60)
    here, there = tmp_path / "here", tmp_path / "there"
    local = prep("run", art, "--out", here, *TO)
    code, said, errors = finish(on(two, art, there))
    assert (code, errors) == (local.returncode, local.stderr) and tree(there) == tree(here)
    same = said.replace(str(there), str(here)).splitlines()  # here the tagger is chosen before the scan
    assert sorted(same) == sorted(local.stdout.splitlines())
    assert len(workers_of(there, "scan")) == 2 and len(workers_of(there, "tag")) == 2
    assert not [*(there / ".prep").glob(".prep-*")]
    assert "no model was loaded" in finish(on(two, art, there))[1] and tree(there) == tree(here)


@with_ray
@pytest.mark.slow
def test_a_profile_names_ray_itself_and_leaves_out_the_cpu_that_nobody_counts(two, tmp_path):
    code, said, errors = finish(on(two, awkward_art(tmp_path / "art", 20), tmp_path / "out", "--profile"))
    lines = said[said.index("where the time went") :].splitlines()
    stage, works, cpu = "", {}, {}
    for line in lines[2 : next(at for at, line in enumerate(lines) if line.startswith("trace: "))]:
        stage = line[:10].strip() or stage
        works.setdefault(stage, set()).add(line[10:20].strip())
        cpu.setdefault(stage, line[38:48].strip())
    assert "workers elsewhere, whose CPU is not counted" in lines[0], errors
    assert {"start", "workers"} <= works["scan"] and {"start", "workers", "infer"} <= works["tag"]
    assert "start" in works["between"] and cpu["export"]
    assert not cpu["scan"] and not cpu["tag"] and not cpu["between"]


@with_ray
@pytest.mark.slow
def test_the_batch_of_a_node_that_is_killed_is_done_again_elsewhere(tmp_path, monkeypatch):
    items = [f"slow {number}" for number in range(12)]
    (tmp_path / "notes").mkdir()
    with cluster(2) as raylets, contextlib.contextmanager(begun)(raylets, tmp_path, monkeypatch) as runner:
        outcomes = []
        for outcome in runner.map(CardJob(tmp_path / "notes"), items):
            outcomes.append(outcome)
            if len(outcomes) == 1:
                raylets.kill_last()
    done = [each.subject for each in outcomes if isinstance(each, Outcome)]
    assert sorted(done) == sorted(items) and not any(each.problem for each in outcomes if isinstance(each, Outcome))
    texts = [path.read_text() for path in (tmp_path / "notes").glob("ray*.txt")]
    assert len(texts) == 2 and sum("close" in text for text in texts) == 1
    on_disk = {line for text in texts for line in text.splitlines() if line.startswith("on disk")}
    assert all(any(item in line for line in on_disk) for item in items)


@with_ray
@pytest.mark.slow
@pytest.mark.parametrize("shelf", ["scan", "tag"])
def test_a_node_that_is_killed_loses_nothing(tmp_path, shelf):
    for number in range(240):
        save(drawing(number), tmp_path / "art" / "mira" / f"{number:03d}.png")
    older(tmp_path / "art")
    local = prep("run", tmp_path / "art", "--out", tmp_path / "here", *TO)
    with cluster(2) as raylets:
        process = on(raylets, tmp_path / "art", tmp_path / "there")
        wait_for(lambda: len(workers_of(tmp_path / "there", shelf)) == 2, process)
        raylets.kill_last()
        code, said, errors = finish(process)
    assert (code, errors) == (local.returncode, local.stderr) and tree(tmp_path / "there") == tree(tmp_path / "here")
    assert "240 read" in said and "done" in said


@with_ray
@pytest.mark.slow
def test_a_picture_that_kills_its_worker_is_lost_and_the_rest_is_done(two, tmp_path, runner):
    items = [*"abcdefg", "fatal", *"hijklmn", "once"]
    outcomes = [each for each in runner.map(CardJob(tmp_path), items) if isinstance(each, Outcome)]
    assert sorted(each.subject for each in outcomes) == sorted(items)
    assert [each.subject for each in outcomes if each.problem] == ["fatal"]


@with_ray
@pytest.mark.slow
def test_a_node_that_does_not_see_out(tmp_path):
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("only root can hide a folder from a process")
    art, out = awkward_art(tmp_path / "art", 3), tmp_path / "out"
    out.mkdir()
    for hidden, unseen in ((out, out), (art, art)):
        with cluster(1) as raylets:
            raylets.add(hide=hidden)
            code, _, errors = finish(on(raylets, art, out))
        assert code == 3 and "node " in errors and f"does not see {unseen}" in errors, errors
        assert "SRC and OUT must be on a file system that all nodes mount at the same path" in errors
    assert not [*(out / ".prep").glob("ledger/*/*")]


@with_ray
@pytest.mark.slow
def test_a_node_without_the_weights_is_named_before_anything_is_tagged(tmp_path):
    art, models = awkward_art(tmp_path / "art", 6), tmp_path / "models"
    models.mkdir()
    shutil.copy(PACKAGE / "tagger.safetensors", models / "mine.safetensors")
    tagger = tmp_path / "mine.safetensors"
    shutil.copy(models / "mine.safetensors", tagger)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    tagger.rename(hidden / tagger.name)
    asked = ("--set", f"tagger.model={hidden / tagger.name}")
    with cluster(1) as raylets:
        raylets.add(hide=hidden)
        code, _, errors = finish(on(raylets, art, tmp_path / "out", *asked))
        assert code == 2 and "node " in errors and f"{hidden / tagger.name} is missing" in errors, errors
        assert not workers_of(tmp_path / "out", "tag")
    with cluster(1, PREP_MODELS=str(models)) as raylets:  # under another path, its node has them
        raylets.add(hide=hidden, PREP_MODELS=str(models))
        code, _, errors = finish(on(raylets, art, tmp_path / "out", *asked))
        assert code == 0 and workers_of(tmp_path / "out", "tag"), errors


@with_ray
@pytest.mark.slow
def test_ctrl_c_leaves_what_is_done(two, tmp_path, runner):
    def when_an_item_is_done() -> None:
        wait_for(lambda: any("item" in path.read_text() for path in tmp_path.glob("*.txt")))
        signal.raise_signal(signal.SIGINT)

    with interruptible(), pytest.raises(Interrupted):
        threading.Thread(target=when_an_item_is_done).start()
        list(runner.map(CardJob(tmp_path), [f"slow {number}" for number in range(16)]))
    lines = [line for path in tmp_path.glob("ray*.txt") for line in path.read_text().splitlines()]
    assert lines.count("close") == 2 and sum(line.startswith("item") for line in lines) <= 6


@pytest.fixture
def runner(two, tmp_path_factory, monkeypatch):
    yield from begun(two, tmp_path_factory.mktemp("out"), monkeypatch)
