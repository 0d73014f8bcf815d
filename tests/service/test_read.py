"""Pictures in, tags and captions out: the same as a set's."""

import asyncio
import base64
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from prep.captions.sentence import sentence
from prep.config import load_settings
from prep.images import edge_density, open_image
from prep.jobs.read import reading
from prep.service.reading import ReadingDesk
from prep.web.refused import Refused
from tests.support.examples import CHARACTERS
from tests.support.pictures import drawing, encoded
from tests.support.serving import served_here

SYLVIE = CHARACTERS / "sylvie" / "sylvie_blue_smile.png"


def read(served, *pictures: bytes, **fields) -> list[dict]:
    files = [("images", ("a.png", data)) for data in pictures]
    answer = served.post("/v1/read", files=files, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["pictures"]


def test_a_picture_is_read_as_a_set_reads_it(served):
    data = SYLVIE.read_bytes()
    (found,) = read(served, data, scores="true")
    assert "scores" not in read(served, data)[0]
    with reading(served.desk.tagger) as reader:
        scores = reader.read([reader.prepare(data)])[0]
    names = [scores.vocabulary.names[at] for at in scores.index]
    assert [each["name"] for each in found["scores"]] == names
    assert found["edge_density"] == round(edge_density(open_image(data).pixels), 6)
    assert (found["level"], found["threshold"]) == ("simple", 0.55)
    assert "orange hair" in found["caption"].split(", ") and found["caption"].startswith("1girl, solo")
    assert all(tag["score"] >= 0.55 for tag in found["tags"])


def test_an_error_while_reading_is_told_and_the_next_one_is_read(served, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("prep.service.reading.level_of", lambda *_: 1 / 0)
        assert served.post("/v1/read", files=[("images", SYLVIE.read_bytes())]).status_code == 500
    assert len(read(served, SYLVIE.read_bytes())) == 1


def test_json_and_a_form_say_the_same(served):
    data = SYLVIE.read_bytes()
    coded = base64.b64encode(data).decode()
    answer = served.post("/v1/read", json={"images": [coded, f"data:image/png;base64,{coded}"]})
    assert answer.json()["pictures"] == 2 * read(served, data)


def test_styles_triggers_and_thresholds(served):
    data = encoded(drawing(3))
    (plain,), (own,) = read(served, data), read(served, data, trigger="sylvie", threshold="0.05")
    assert own["caption"].startswith("sylvie, ") and len(own["tags"]) > len(plain["tags"]) and own["threshold"] == 0.05
    (told,) = read(served, data, style="sentence", trigger="sylvie")
    assert told["caption"] == "sylvie, " + sentence([tag["name"] for tag in plain["tags"]])


def test_pictures_that_arrive_together_are_read_as_one_batch(served):
    pictures = [encoded(drawing(number)) for number in range(8)]
    alone = [read(served, data)[0] for data in pictures]
    before = served.desk.reading.batches
    gate = threading.Barrier(8)

    def ask(data: bytes) -> dict:
        gate.wait()
        return read(served, data)[0]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, pictures)) == alone
    assert served.desk.reading.batches - before < 8


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"images": ["!!!"]}, 422, "not base64"),
        ({"images": [base64.b64encode(b"hello").decode()]}, 422, "the picture"),
        ({"images": []}, 422, "images"),
        ({"images": "http://evil.example/a.png"}, 422, "prep fetches none"),
        ({"images": [1]}, 422, "base64"),
        ({}, 422, "images"),
        ({"images": [""], "style": "tags"}, 422, "empty"),
        ({"images": ["AA=="] * 17}, 422, "at most 16"),
        ([1], 422, "not a JSON object"),
    ],
)
def test_a_wrong_body_is_one_sentence(served, body, status, says):
    answer = served.post("/v1/read", json=body)
    assert answer.status_code == status and says in answer.json()["detail"], answer.text


def test_an_unknown_field_style_or_threshold_is_one_sentence(served):
    files = [("images", SYLVIE.read_bytes())]
    for fields in ({"stile": "tags"}, {"style": "poem"}, {"threshold": "2"}, {"threshold": "nan"}, {"trigger": "a\0b"}):
        answer = served.post("/v1/read", files=files, data=fields)
        assert answer.status_code == 422 and next(iter(fields)) in answer.json()["detail"], answer.text


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"--x\r\n"])
def test_what_is_no_json_is_one_sentence(served, data):
    for kind in ("application/json", "multipart/form-data; boundary=x", "multipart/form-data", "text/plain"):
        answer = served.post("/v1/read", data=data, headers={"content-type": kind})
        assert answer.status_code in (400, 422) and answer.json()["detail"], (kind, answer.text)


def test_two_pictures_where_one_is_wanted_are_refused(served):
    files = [("image", SYLVIE.read_bytes()), ("image", SYLVIE.read_bytes())]
    answer = served.post("/v1/loop", files=files)
    assert answer.status_code == 422 and "image is there 2 times" in answer.json()["detail"]


def test_a_bomb_of_pixels_and_a_torn_picture_are_refused(tmp_path):
    with served_here(tmp_path, "generator.model=none", "serve.max_pixels=100000", "serve.picture_mb=1") as served:
        for data, status in (
            (encoded(drawing(1, 400, 400)), 413),
            (SYLVIE.read_bytes()[:300], 422),
            (b"\0" * 2_000_000, 413),
        ):
            answer = served.post("/v1/read", files=[("images", data)])
            assert answer.status_code == status and answer.json()["detail"].startswith("the picture"), answer.text
        assert len(read(served, encoded(drawing(1, 300, 300)))) == 1


def test_of_several_pictures_the_wrong_one_is_named(served):
    for data in (b"hello", SYLVIE.read_bytes()[:3000]):
        answer = served.post("/v1/read", files=[("images", SYLVIE.read_bytes()), ("images", data)])
        assert answer.json()["detail"].startswith("picture 2 of 2: the picture cannot be read"), answer.text


def test_too_many_that_wait_are_refused_with_a_time(served):
    settings = load_settings(None, None, ("serve.queue=4",))
    desk = ReadingDesk(served.desk.tagger, settings)  # not started: what is asked for waits

    async def ask() -> None:
        waiting = [asyncio.create_task(desk.read([b"x"] * 2, client)) for client in ("a", "b")]
        await asyncio.sleep(0)
        with pytest.raises(Refused, match="4 pictures wait to be read") as full:
            await desk.read([b"x"], "c")
        assert full.value.status == 429 and int(full.value.headers["Retry-After"]) >= 1
        waiting[0].cancel()
        waiting.append(asyncio.create_task(desk.read([b"x"], "c")))
        await asyncio.sleep(0.05)
        with pytest.raises(Refused):  # of one client at most half, while others wait
            await desk.read([b"x"], "b")
        with pytest.raises(Refused, match="5 pictures; at most 4 may wait"):
            await desk.read([b"x"] * 5, "c")
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert len(desk.waiting) == 0

    asyncio.run(asyncio.wait_for(ask(), 20))
