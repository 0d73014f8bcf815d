"""Accepted jobs: how far they are, who cancels them, and that no end of the server loses one."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict

import psutil
import pytest
import requests

from prep.errors import StoppedError
from prep.service.desk import Desk
from prep.service.orders import Order
from prep.service.store import Store
from prep.service.studio import FILES, keep_newest
from prep.web.refused import without_folders
from tests.support.examples import CHARACTERS
from tests.support.serving import served_here, served_process

SYLVIE = CHARACTERS / "sylvie" / "sylvie_blue_smile.png"
LONG = {"prompt": "1girl, orange hair", "steps": 60, "count": 8}


def submit(served, **body) -> str:
    answer = served.post("/v1/draw", json=LONG | body)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def cancel(served, id_: str) -> dict:
    return requests.delete(f"{served.url}/v1/jobs/{id_}", timeout=60).json()


def until(condition, seconds: float = 60):
    ends = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends
        time.sleep(0.02)
    return found


def test_a_job_says_how_far_it_is_and_its_events_end(served):
    first, second = submit(served, count=1, steps=12), submit(served, count=1, steps=2)
    assert served.job(second)["before"] >= 1
    text = served.get(f"/v1/jobs/{first}/events").text
    events = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    assert events[-1] == "end" and "progress" in events
    last = json.loads(text.rstrip().splitlines()[-1].removeprefix("data: "))
    assert (last["status"], last["progress"]) == ("done", 1.0) and last["began"] <= last["ended"]
    assert served.ended(second)["status"] == "done"


def test_a_client_finds_its_own_jobs_again(served):
    ids = [submit(served, count=1, steps=1) for _ in range(2)]
    found = [each["id"] for each in served.get("/v1/jobs").json()]
    assert found[:2] == ids[::-1] and len(found) <= 100
    assert served.get("/", allow_redirects=False).headers["location"] == "/docs"


def test_who_waits_in_line_is_cancelled_before_it_begins_and_who_draws_at_its_next_step(served):
    at_work, waiting = submit(served), submit(served)
    until(lambda: served.job(at_work)["progress"] > 0)
    assert cancel(served, waiting)["status"] == "cancelled"
    cancel(served, at_work)
    assert served.ended(at_work)["error"]["message"] == "cancelled by the client"
    assert served.job(waiting)["began"] is None


def test_a_client_that_hangs_up_frees_its_place(served):
    before = served.desk.lane.now()
    assert not before.id
    body = json.dumps(LONG | {"wait": True}).encode()
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", served.port)) as raw:
            head = "POST /v1/draw HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            raw.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            until(lambda: served.desk.lane.now().id)
        until(lambda: not served.desk.lane.now().id)
    assert len(served.desk.lane.waiting) == 0


def test_an_unknown_job_or_picture_is_404(served):
    done = submit(served, count=1, steps=1)
    served.ended(done)
    for path in ("nothing", "nothing/events", "nothing/0.png", f"{done}/1.png", f"{done}/in-0", f"{done}/../{done}/x"):
        answer = served.get(f"/v1/jobs/{path}")
        assert answer.status_code == 404 and answer.json()["detail"], path
    assert served.get(f"/v1/jobs/{done}/%2e%2e/%2e%2e/queue.sqlite").status_code == 404


@pytest.mark.slow
def test_a_job_that_takes_too_long_ends(tmp_path):
    with served_here(tmp_path, "serve.job_seconds=1") as served:
        ended = served.ended(submit(served, steps=150))
        assert ended["status"] == "failed" and "serve.job_seconds" in ended["error"]["message"]


def test_a_full_queue_is_429_and_says_when_to_come_again(tmp_path):
    with served_here(tmp_path, "serve.queue=2") as served:
        ids = [submit(served)]
        until(lambda: served.desk.lane.now().id)
        ids += [submit(served), submit(served)]
        answer = served.post("/v1/draw", json=LONG)
        assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1
        for id_ in ids:
            cancel(served, id_)


def test_a_second_server_does_not_take_the_first_ones_jobs(served):
    settings = served.desk.settings
    desk = Desk(settings)
    with pytest.raises(StoppedError, match="is in use by process"):
        desk.start()
    desk.jobs.store.close()


def test_only_the_newest_encoded_prompts_are_kept(tmp_path):
    for number in range(4):
        (tmp_path / str(number)).write_bytes(b"x" * 10)
        os.utime(tmp_path / str(number), (number, number))
    keep_newest(tmp_path, 25)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3"]
    keep_newest(tmp_path / "none", 25)


def test_on_a_full_disk_a_job_ends_and_its_end_is_written_when_there_is_room(tmp_path):
    with served_here(tmp_path) as served:
        store = served.desk.jobs.store
        id_ = submit(served, prompt="1girl, " + "very " * 1500, count=4, steps=4)
        until(lambda: served.job(id_)["progress"] > 0)
        pages = store.rows.execute("pragma page_count").fetchone()[0]
        store.rows.execute(f"pragma max_page_count = {pages}")
        assert served.ended(id_)["status"] == "done" and len(served.job(id_)["result"]["pictures"]) == 4
        assert store.rows.execute("select state from jobs").fetchall() == [("running",)]
        answer = served.post("/v1/draw", json=LONG | {"prompt": "x" * 9_000})
        assert answer.status_code == 503 and answer.json()["detail"].startswith("the queue cannot be used")
        assert [path.name for path in (tmp_path / "jobs").iterdir() if path.is_dir()] == [id_]
        store.rows.execute("pragma max_page_count = 1000000")
        assert served.job(id_)["status"] == "done" and not store.unwritten
        assert store.rows.execute("select state from jobs").fetchall() == [("done",)]


def test_what_a_power_cut_left_half_is_drawn_again(tmp_path):
    store = Store(tmp_path)
    order = Order(prompt="1girl", width=160, height=160, steps=1, guidance=3.0, sampler="euler", seeds=(1, 2))
    spec = {name: value for name, value in asdict(order).items() if name not in FILES}
    ids = [store.add("draw", "me", spec, []).id for _ in range(2)]
    (store.place(ids[0]) / "drawn.json").write_bytes(b"")
    (store.place(ids[1]) / "drawn.json").write_text(json.dumps({"0": {"file": "0.png"}}))
    (store.place(ids[1]) / "0.png").write_bytes(b"")
    (tmp_path / "jobs" / "half").mkdir()  # killed before its row was written
    store.close()
    with served_here(tmp_path) as served:
        for id_ in ids:
            pictures = served.ended(id_)["result"]["pictures"]
            assert [len(served.get(each["url"]).content) > 1000 for each in pictures] == [True, True]
        assert not (tmp_path / "jobs" / "half").exists()


@pytest.mark.slow
def test_a_job_that_ends_the_server_each_time_is_given_up_unless_it_gets_on(tmp_path):
    store = Store(tmp_path)
    order = Order(prompt="1girl", width=160, height=160, steps=1, guidance=3.0, sampler="euler", seeds=(1,))
    spec = {name: value for name, value in asdict(order).items() if name not in FILES}
    bad, good = (store.add("draw", "me", spec, []).id for _ in range(2))
    for _ in range(3):
        store.begin(bad)
        store.begin(good)
    store.got_on(good)
    store.close()
    with served_here(tmp_path) as served:
        assert "it ended the server 3 times" in served.ended(bad)["error"]["message"]
        assert served.ended(good)["status"] == "done"


def test_a_job_that_is_accepted_while_the_server_ends_is_on_disk(tmp_path):
    with served_here(tmp_path) as served:
        served.desk.lane.stop()
        id_ = served.post("/v1/draw", json=LONG).json()["id"]
        assert served.job(id_)["status"] == "queued"


@pytest.mark.slow
def test_an_interrupt_of_a_client_of_the_web_ui_ends_no_job(served):
    id_ = submit(served, count=1, steps=20)
    until(lambda: served.desk.lane.now().step)
    assert served.post("/sdapi/v1/interrupt").status_code == 200
    assert served.ended(id_)["status"] == "done"


def test_a_client_learns_no_folder_of_this_machine():
    text = "/srv/a b/x and '/home/me/art/mira' (see /var/log/x.txt), outputs/art/kohya, http://host/a/b, 1/2"
    assert without_folders(text) == "a b/x and 'mira' (see x.txt), outputs/art/kohya, http://host/a/b, 1/2"


def test_old_jobs_are_forgotten_with_their_pictures(tmp_path):
    with served_here(tmp_path) as served:
        done = submit(served, count=1, steps=1)
        served.ended(done)
        place = served.desk.jobs.store.place(done)
        assert (place / "0.png").exists()
        assert (
            served.desk.jobs.store.forget(time.time() - 60) == 0 and served.desk.jobs.store.forget(time.time() + 1) == 1
        )
        assert not place.exists() and served.get(f"/v1/jobs/{done}").status_code == 404


@pytest.mark.slow
def test_a_dataset_is_made_of_a_folder_that_is_open_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "art" / "mira").mkdir(parents=True)
    (tmp_path / "art" / "mira" / "a.png").write_bytes(SYLVIE.read_bytes())
    (tmp_path / "secret").mkdir()
    (tmp_path / "art" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "art" / "loop").symlink_to(tmp_path / "art" / "loop")
    run = ("--set", "tagger.model=starter", "--set", "generator.model=none")
    sets = ("generator.model=none", f"serve.roots=['{tmp_path}/art']")
    with served_here(tmp_path / "serve", *sets, run=run) as served:
        for source, status in (("../secret", 403), ("link", 403), ("/etc", 403), ("nothing", 404), ("a\0b", 422),
                               ("x" * 5000, 404), ("loop", 404)):  # fmt: skip
            answer = served.post("/v1/datasets", json={"source": source})
            assert answer.status_code == status, answer.text
        answer = served.post("/v1/datasets", json={"source": ".", "name": "My set"})
        ended = served.ended(answer.json()["id"])
        assert ended["status"] == "done", ended
        files = {each["file"]: served.get(each["url"]) for each in ended["result"]["files"]}
        assert {*files} == {"generated/mira/sheet.png", "problems.txt"}
        assert all(answer.status_code == 200 for answer in files.values())
        assert files["generated/mira/sheet.png"].content.startswith(b"\x89PNG")
        assert ended["result"]["out"] == "outputs/my_set" and (tmp_path / "outputs/my_set/manifest.parquet").exists()
    with served_here(tmp_path / "serve", "generator.model=none") as served:
        assert "serve.roots" in served.post("/v1/datasets", json={"source": "art"}).json()["detail"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_accepted_job_is_lost_and_no_picture_drawn_twice(tmp_path, number):
    with served_process(tmp_path) as served:
        ids = [submit(served, steps=16), submit(served, steps=2, count=2)]
        ids.append(served.post("/v1/loop", files={"image": SYLVIE.read_bytes()}, data={"count": 2}).json()["id"])
        place = tmp_path / "outputs" / ".serve" / "jobs" / ids[0]
        until(lambda: (place / "0.png").exists())
        served.process.send_signal(number)
        code = served.process.wait(120)
    assert code == (0 if number == signal.SIGTERM else -number)
    before = {path.name: path.stat().st_mtime_ns for path in place.glob("*.png")}
    with served_process(tmp_path) as served:
        for id_ in ids:
            assert served.ended(id_, 240)["status"] == "done"
    after = {path.name: path.stat().st_mtime_ns for path in place.glob("*.png")}
    assert len(after) == 8 and before.items() <= after.items()


@pytest.mark.slow
def test_sigterm_answers_who_waits_and_finishes_what_is_drawn(tmp_path):
    with served_process(tmp_path) as served:
        at_work = submit(served, steps=40, count=1)
        until(lambda: served.job(at_work)["progress"] > 0)
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(served.post("/v1/draw", json=LONG | {"wait": True})))
        waiting.start()
        time.sleep(1)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(120) == 0
        waiting.join()
        assert answers[0].status_code == 202 and answers[0].json()["status"] == "queued"
    assert (tmp_path / "outputs/.serve/jobs" / at_work / "0.png").exists()


@pytest.mark.slow
def test_a_dataset_goes_on_after_a_kill_although_its_process_lives(tmp_path):
    sets = ("generator.model=starter", f"serve.roots=['{CHARACTERS.parent}']")
    with served_process(tmp_path, *sets) as served:
        id_ = served.post("/v1/datasets", json={"source": "characters"}).json()["id"]
        until(lambda: list(tmp_path.glob("outputs/characters/generated/*/*/*.png")), 240)
        served.process.kill()
        served.process.wait()
        notes = json.loads((tmp_path / "outputs/.serve/jobs" / id_ / "process.json").read_text())
        assert psutil.pid_exists(notes["pid"])
    with served_process(tmp_path, *sets) as served:
        assert served.ended(id_, 400)["status"] == "done"
    assert not psutil.pid_exists(notes["pid"])


@pytest.mark.slow
def test_a_cancelled_dataset_keeps_its_work_and_goes_on_when_asked_again(tmp_path):
    sets = ("tagger.model=starter", "generator.model=starter", f"serve.roots=['{CHARACTERS.parent}']")
    with served_process(tmp_path, *sets) as served:
        first = served.post("/v1/datasets", json={"source": "characters"}).json()["id"]
        until(lambda: list(tmp_path.glob("outputs/characters/generated/*/*/*.png")), 240)
        cancel(served, first)
        assert served.ended(first, 240)["status"] == "cancelled"
        second = served.post("/v1/datasets", json={"source": "characters"}).json()["id"]
        assert served.ended(second, 400)["status"] == "done"
    done = subprocess.run([sys.executable, "-m", "prep", "lint", tmp_path / "outputs/characters/kohya"],
                          capture_output=True, text=True, check=False, env=os.environ)  # fmt: skip
    assert done.returncode == 0, done.stdout
