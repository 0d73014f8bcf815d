"""What a hostile client sends, and that the others are answered meanwhile."""

import base64
import json
import signal
import socket
import threading
import time

import numpy as np
import pytest
import requests
from PIL import Image

from prep.service import limits
from prep.web import server
from tests.support.pictures import drawing, encoded
from tests.support.serving import served_here, served_process


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.5)
    monkeypatch.setattr(limits, "STILL_SECONDS", 0.5)
    monkeypatch.setattr(limits, "BODY_SECONDS", 1.5)
    sets = ("generator.model=none", "serve.request_mb=1", "serve.connections=4")
    with served_here(tmp_path, *sets) as found:
        yield found


def sent(served, *parts: bytes, pause: float = 0.0) -> bytes:
    """What the server answers to these bytes until it closes the connection."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as raw:
        for part in parts:
            try:
                raw.sendall(part)
            except OSError:
                break
            time.sleep(pause)
        found = b""
        try:
            while more := raw.recv(65536):
                found += more
        except ConnectionResetError:
            pass
        return found


HEAD = b"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def alive(served) -> bool:
    return served.post("/v1/read", files=[("images", encoded(drawing(1, 64, 64)))]).status_code == 200


def test_a_body_that_says_it_is_large_is_refused_before_it_is_sent(small):
    answer = sent(small, HEAD + b"Content-Length: 100000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413") and b"larger than 1 MB" in answer and alive(small)


def test_a_body_that_does_not_say_so_is_refused_on_the_way(small):
    chunk = b"10000\r\n" + b"A" * 65536 + b"\r\n"
    for head in (HEAD, HEAD.replace(b"/v1/read", b"/sdapi/v1/interrogate")):
        answer = sent(small, head + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 40)
        assert b"413" in answer.split(b"\r\n")[0] and alive(small)


def test_half_a_request_is_dropped_and_half_a_body_is_408(small):
    assert sent(small, b"POST /v1/read HTT") == b""
    assert sent(small) == b""
    answer = sent(small, HEAD + b"Content-Length: 1000\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408") and alive(small)


def test_a_slow_loris_is_dropped(small):
    assert sent(small, *[b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 12], pause=0.1) == b""
    slow = sent(small, HEAD + b"Content-Length: 100\r\n\r\n", *[b"{"] * 20, pause=0.1)
    assert slow.startswith(b"HTTP/1.1 408") and alive(small)
    first = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert sent(small, first, *[b"GET /heal"], *[b"t"] * 12, pause=0.1).endswith(b"ok\n")


def test_a_small_body_that_nobody_reads_does_not_cost_the_connection(small):
    with requests.Session() as session:
        for _ in range(3):
            answer = session.put(f"{small.url}/v1/read", data=b"x" * 100_000, timeout=20)
            assert answer.status_code == 405 and answer.headers.get("connection") != "close"
    assert alive(small)


def test_nonsense_is_400(small):
    for data in (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET\r\n\r\n", b"\0\0\0\r\n\r\n"):
        assert sent(small, data).startswith(b"HTTP/1.1 400")
    assert alive(small)


def test_hundreds_of_connections_are_answered_or_dropped_and_the_server_lives(small):
    held = []
    try:
        for _ in range(300):  # of which this process holds both ends
            held.append(socket.create_connection(("127.0.0.1", small.port), timeout=20))
        assert alive(small)
    finally:
        for each in held:
            each.close()
    codes = []

    def ask() -> None:
        codes.append(small.post("/v1/read", files=[("images", encoded(drawing(1, 64, 64)))]).status_code)

    many = [threading.Thread(target=ask) for _ in range(16)]
    for each in many:
        each.start()
    for each in many:
        each.join()
    assert len(codes) == 16 and set(codes) <= {200, 503} and 200 in codes
    assert alive(small)


def test_metrics_count_what_happened(small):
    assert alive(small)
    small.get("/nothing/at/all")
    text = small.get("/metrics").text
    assert 'prep_requests_total{route="/v1/read",status="200"} 1.0' in text
    assert 'prep_requests_total{route="other",status="404"} 1.0' in text
    assert "prep_pictures_read_total 1.0" in text and small.get("/ready").text == "ready\n"


@pytest.mark.slow
def test_who_does_not_read_its_answer_does_not_hold_the_end(tmp_path):
    with served_process(tmp_path, "serve.request_mb=64") as served:
        noise = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)))
        asked = {"prompt": "1girl", "steps": 1, "include_init_images": True}
        body = json.dumps(asked | {"init_images": [base64.b64encode(noise).decode()]}).encode()
        with socket.create_connection(("127.0.0.1", served.port)) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            head = "POST /sdapi/v1/img2img HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            raw.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert raw.recv(20).startswith(b"HTTP/1.1 200")
            served.process.send_signal(signal.SIGTERM)
            assert served.process.wait(60) == 0
