"""A push that is cut off, refused for a moment, or met by somebody else's: the repo is as it was or whole."""

import signal
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from prep.hub.card import BEGIN
from tests.support.hub_server import LARGE
from tests.support.published import published
from tests.support.pushing import WITH, apart, card, running


def test_cut_off_at_any_request_the_repo_is_as_it_was_or_whole(hub, push, tmp_path):
    out = published(tmp_path / "out", count=1)
    push(out, *WITH, repo="me/whole")
    whole, needed = hub.repos["me/whole"].files, len(hub.asked)
    for dies in range(needed):
        name = f"me/set{dies}"
        hub.repo(name, **{"notes.txt": "theirs"})
        before = dict(hub.repos[name].files)
        hub.dies_after = len(hub.asked) + dies
        cut = push(out, *WITH, repo=name)
        hub.dies_after = None
        assert cut.code in (0, 3) and len(cut.err.splitlines()) <= 1
        assert hub.repos[name].files == before or cut.code == 0
        assert push(out, *WITH, repo=name).code == 0
        found = hub.repos[name].files
        assert {path: each for path, each in found.items() if path.startswith("data/")} == {
            path: each for path, each in whole.items() if path.startswith("data/")
        }
        assert "notes.txt" in found and len(hub.repos[name].commits) == 2


def test_after_a_cut_only_what_is_missing_is_sent(hub, push, tmp_path):
    out = published(tmp_path / "out")
    hub.fail(r"POST .*/commit/", 500, times=99)
    cut = push(out, *WITH)
    assert cut.code == 3 and "answered 500" in cut.err and hub.files("me/set") == [".gitattributes"]
    assert hub.count("^PUT") == 3
    hub.faults.clear()
    assert push(out, *WITH).code == 0 and hub.count("^PUT") == 3 and len(hub.files("me/set")) == 5


@pytest.mark.parametrize("kind", [503, "cut", "drop", "lose"])
@pytest.mark.parametrize("line", ["PUT /lfs", "POST .*/commit/", "POST .*/batch", "GET .*/revision", "POST /api/repos"])
def test_one_fault_is_got_over(hub, push, tmp_path, kind, line):
    out = published(tmp_path / "out", count=1, drawn=False)
    hub.fail(line, kind)
    assert push(out, *WITH).code == 0 and len(hub.files("me/set")) == 3
    assert len(hub.repos["me/set"].commits) == 2  # also where the answer to the first was lost


def test_somebody_elses_commit_in_between_stays(hub, push, tmp_path):
    repo = hub.repo("me/set")

    def meanwhile() -> None:
        files = repo.files | {"README.md": hub.keep(b"# Mine\n\nwritten meanwhile\n")}
        repo.commit(files)

    hub.fail("POST .*/commit/", meanwhile)
    assert push(published(tmp_path / "out"), *WITH).code == 0
    assert "written meanwhile" in card(hub) and BEGIN in card(hub) and len(repo.commits) == 3


def test_a_process_killed_while_it_writes_shards_goes_on_from_there(hub, push, tmp_path):
    out = published(tmp_path / "out")
    command = [sys.executable, "-m", "prep", "push", out, "me/set", *WITH]
    killed = apart(command, hub, tmp_path, PREP_CRASH="before rename:3")  # two files a shard
    assert killed.returncode == -signal.SIGKILL and hub.repos == {}
    stamps = {path: path.stat().st_mtime_ns for path in (out / ".prep" / "push").glob("*.parquet")}
    assert stamps and push(out, *WITH).code == 0
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert not list((out / ".prep" / "push").glob(".prep-*"))


def test_an_interrupted_push_leaves_the_repo_as_it_was(hub, push, tmp_path):
    out = published(tmp_path / "out")
    with running(out, hub, tmp_path) as process:
        hub.fail("PUT", lambda: process.send_signal(signal.SIGINT))
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in stderr and "Traceback" not in stderr
    assert hub.files("me/set") == [".gitattributes"]
    assert push(out, *WITH).code == 0 and len(hub.files("me/set")) == 5


def test_an_interrupted_push_does_not_send_a_large_file_to_its_end(hub, tmp_path):
    out = published(tmp_path / "out")
    (large,) = out.glob("kohya/2_mira/*.png")
    noise = np.random.default_rng(1).integers(256, size=(2400, 2400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(large, compress_level=0)  # 17 MB
    hub.bytes_a_second, hub.crossed = 2_000_000, None
    with running(out, hub, tmp_path) as process:
        hub.fail("PUT", lambda: threading.Timer(1, process.send_signal, (signal.SIGINT,)).start())
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in stderr and "Traceback" not in stderr
    assert hub.count("^PUT") == 3 and sum(len(oid) == LARGE for oid in hub.blobs) == 2
    assert hub.files("me/set") == [".gitattributes"]
