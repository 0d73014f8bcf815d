"""A run, a command or a kill at the same time: reads go on, changes wait and are merged, none is lost or made twice."""

import contextlib
import os
import signal
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor

import pytest

from prep.edits.waiting import carry_out_waiting, is_waiting, keep_waiting, waiting
from tests.support.person import tags
from tests.support.reviewing import review_process, reviewed
from tests.support.runs import prep

HOLD = """
import sys
from pathlib import Path
from prep.process.lock import locked
with locked(Path(sys.argv[1]) / ".prep" / "lock"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def held(out):
    """Another process has the OUT."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()


def test_changes_wait_are_shown_and_are_made_when_the_run_is_done(page):
    art = page.art
    one, other = page.ids("name:000 character:mira") + page.ids("name:001")
    before = art.text("000").read_text()
    with held(art.out):
        done = page.do("api/edit", op="add", tag="hat", ids=[one])
        assert done["waiting"] and done["message"] == "1 caption changed; kept until the run is done"
        page.do("api/edit", op="exclude", ids=[other])
        assert page.row("mira/000.png")["caption"] == f"{before}, hat" and art.text("000").read_text() == before
        assert page.row("mira/001.png")["status"] == "excluded" and art.image("001").exists()
        run = page.read("api/changes", since=0)["run"]
        assert run["waiting"] == 2 and "in use by process" in run["busy"]
        assert page.read("api/list", filter="tag:hat")["count"] == 1
    assert page.read("api/changes", since=0)["run"] == {"busy": None, "waiting": 0, "messages": []}
    assert art.text("000").read_text() == f"{before}, hat" and not art.image("001").exists()
    assert [step["by"] for step in page.read("api/history")["steps"]] == ["page", "page"]
    page.do("api/undo")
    page.do("api/undo")
    assert art.text("000").read_text() == before


def test_what_waits_is_taken_back_and_what_was_before_is_not(page):
    one, *_ = page.ids("name:000 character:mira")
    page.do("api/edit", op="add", tag="before", ids=[one])
    with held(page.art.out):
        page.do("api/edit", op="add", tag="hat", ids=[one])
        assert page.do("api/undo")["rows"][0]["caption"].endswith("before")
        answer = page.post("api/undo")
        assert answer.status_code == 409 and "in use by process" in answer.json()["detail"]
        assert page.post("api/redo").status_code == 409
    page.read("api/changes", since=0)
    assert tags(page.art.text("000"))[-1] == "before"


def test_a_caption_that_waits_is_merged_with_what_the_run_wrote(page):
    art = page.art
    (one,) = page.ids("name:000 character:mira")
    base = page.read(f"api/picture/{one}")["caption"]
    with held(art.out):
        page.do("api/edit", op="caption", id=one, text=f"{base}, hat", base=base)
    art.run("thresholds.mode=fixed", "thresholds.fixed=0.3")  # it comes first, and carries out what waits
    assert not is_waiting(art.out)
    now = tags(art.text("000"))
    assert "hat" in now and len(now) > len(base.split(", ")) + 1
    assert page.read("api/changes", since=0)["all"] and page.row("mira/000.png")["caption"] == ", ".join(now)


@pytest.mark.parametrize("with_page", [False, True])
def test_a_kill_loses_no_change_that_was_confirmed(art, with_page):
    with held(art.out):
        with review_process(art.out) as (page, process):
            page.do("api/edit", op="add", tag="hat", ids=page.ids("character:mira"))
            page.do("api/edit", op="add", tag="scarf", ids=page.ids("name:001"))
            process.send_signal(signal.SIGKILL)
        assert [action["tag"] for action in waiting(art.out)] == ["hat", "scarf"]
        with reviewed(art.out) as page:
            assert page.row("mira/001.png")["caption"].endswith("hat, scarf")
    if with_page:
        with reviewed(art.out) as page:
            assert page.row("mira/001.png")["caption"].endswith("hat, scarf")
            assert len(page.read("api/history")["steps"]) == 2
    art.run()
    assert tags(art.text("001"))[-2:] == ["hat", "scarf"] and tags(art.text("000"))[-1] == "hat"


def test_ctrl_c_ends_it_and_a_later_start_has_another_address(art):
    with review_process(art.out) as (page, process):
        url = page.url
        page.do("api/edit", op="add", tag="hat", ids=page.ids("name:001"))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0 and "all changes are kept" in process.stdout.read()
    with review_process(art.out) as (page, _):
        assert page.url.rsplit("/", 2)[1] != url.rsplit("/", 2)[1] and page.row("mira/001.png")["touched"]


def test_a_real_run_and_the_page_at_once(page):
    """The run finds changes made before it, and the page what the run wrote."""
    (one,) = page.ids("name:000 character:mira")
    page.do("api/edit", op="add", tag="hat", ids=[one])
    page.art.run("captions.max_tags=3")
    page.read("api/changes", since=0)
    assert page.row("mira/000.png")["caption"] == page.art.text("000").read_text()
    assert page.do("api/edit", op="add", tag="scarf", ids=[one])["count"] == 1


def test_settings_that_wait_are_all_there_afterwards_and_can_be_taken_back(page):
    table = page.read("api/traits")["characters"][0]
    first, second, third = [row["name"] for row in table["rows"]][:3]
    with held(page.art.out):
        for name in (first, second, third):
            page.do("api/traits", character=table["character"], name=name, choice="trigger")
        page.do("api/thresholds", name=first, level="simple", value=0.7)
        page.do("api/thresholds", name=first, level="medium", value=0.6)
        assert page.do("api/undo")["message"].startswith("Undone")
        page.do("api/thresholds", name=first, level="complex", value=0.5)
    page.read("api/changes", since=0)
    own = tomllib.loads((page.art.out / "settings.toml").read_text())
    assert own["characters"][table["character"]]["drop"] == [first, second, third]
    assert own["thresholds"]["tags"][first] == {"simple": 0.7, "complex": 0.5}


@pytest.mark.parametrize("number", range(1, 8))
def test_a_swap_that_waits_is_made_once_whenever_it_is_killed(art, number):
    text = art.text("000").read_text().split(", ")
    first, second = text[1], text[2]
    keep_waiting(art.out, {"do": "rename", "map": {first: second, second: first}, "pictures": [art.key("000")]})
    killed = prep("exclude", art.out, "mira/002.png", env=os.environ | {"PREP_CRASH": f"after rename:{number}"})
    assert killed.returncode in (0, -signal.SIGKILL)
    with art.door() as edits:
        assert all(why is None for _, why in carry_out_waiting(edits))
    art.run()
    assert art.text("000").read_text().split(", ")[:3] == [text[0], second, first] and not is_waiting(art.out)


def test_two_pages_of_one_out_lose_nothing_while_a_run_works(art):
    with held(art.out), reviewed(art.out) as one, reviewed(art.out) as other:
        ids = one.ids("name:001")

        def add(number: int) -> bool:
            page = (one, other)[number % 2]
            return page.do("api/edit", op="add", tag=f"tag {number}", ids=ids)["waiting"]

        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(add, range(20)))
        assert len(waiting(art.out)) == 20
    art.run()
    assert {f"tag {number}" for number in range(20)} <= {*tags(art.text("001"))}
