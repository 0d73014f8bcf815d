"""Calls to another machine: bounded in time, in size and in number, and each failure is one sentence."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from prep import remote
from prep.errors import StoppedError
from prep.remote import AbsentError, Server, is_here


@contextmanager
def answering(status: int, body: bytes, **headers: str):
    """A server that says the same to everybody, and keeps what it was shown."""
    shown: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.append(self.headers.get("Authorization"))
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", shown
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def told(address: str) -> str:
    with pytest.raises(StoppedError) as caught:
        Server(address, 5).get("/sdapi/v1/options")
    assert caught.value.exit_code == 3 and "\n" not in str(caught.value) and address in str(caught.value)
    return str(caught.value)


def test_a_password_is_not_taken_along_to_another_address(monkeypatch):
    monkeypatch.setenv("PREP_A1111_AUTH", "mira:secret")
    with answering(200, b"{}") as (there, shown), answering(307, b"", Location=f"{there}/x") as (here, _):
        assert "leads to another address" in told(here) and shown == []


def test_an_answer_without_an_end_is_cut(monkeypatch):
    monkeypatch.setattr(remote, "ANSWER_BYTES", 1000)
    with answering(200, b" " * 5000) as (address, _):
        assert "sends more than 1,000 bytes" in told(address)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 5000, b'{"a": 1' + b"0" * 30 + b"}"])
def test_what_is_no_json_is_one_sentence(body):
    with answering(200, body) as (address, _):
        assert "its answer" in told(address)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"detail": "Sampler not found"}, "says: Sampler not found"),
        ({"error": "no\x1b[31m such\nsampler"}, "says: no [31m such sampler"),
        ({"detail": "Not Found"}, "has no /sdapi/v1/options"),
    ],
)
def test_a_404_is_told_as_the_server_says_it(body, said):
    with answering(404, json.dumps(body).encode()) as (address, _):
        assert said in told(address)
        with pytest.raises(AbsentError):
            Server(address, 5).get("/sdapi/v1/options")


def test_which_addresses_are_on_this_machine():
    assert all(map(is_here, ("http://localhost:1", "http://127.0.0.5", "http://[::1]:7860", "https://x.localhost/a")))
    assert not any(map(is_here, ("http://10.0.0.1", "http://localhost.example.com", "http://0.0.0.0:1")))
