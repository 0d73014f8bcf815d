"""Calls to another machine: bounded in time, in size and in number, and each failure is one sentence."""

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep import remote
from prep.errors import StoppedError
from prep.masked import masked
from prep.remote import LANGUAGE_MODEL, WEB_UI, AbsentError, Server, is_here


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


KEY = "sk-SECRET+abc/defghijk&lmnop"
BASIC = "mira:pass+word/of&hers"
SPELLINGS = {
    "as it is": KEY.__str__,
    "in capitals": KEY.upper,
    "in a URL": lambda: quote(KEY, safe=""),
    "in base64": lambda: base64.b64encode(KEY.encode()).decode(),
    "inside of base64": lambda: base64.b64encode(f" {KEY}".encode()).decode(),
    "its beginning, at the end": lambda: KEY[:5],
    "its end and its beginning, as OpenAI shows them": lambda: f"{KEY[:9]}***{KEY[-6:]}",
}


def shown_of(secret: str, text: str) -> str:
    """The longest run of a secret's letters in a text."""
    found = [secret[at:to] for at in range(len(secret)) for to in range(at + 1, len(secret) + 1)]
    return max((each for each in found if each.lower() in text.lower()), key=len, default="")


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("before", [0, 150, 190])
def test_what_a_server_says_never_shows_the_key(monkeypatch, spelling, before):
    monkeypatch.setenv("PREP_CAPTIONER_KEY", KEY)
    said = SPELLINGS[spelling]()
    text = "!" * before + f" key: {said}"
    for status, body in ((400, {"error": {"message": text}}), (400, {"error": {"code": 1, "text": text}})):
        with answering(status, json.dumps(body).encode()) as (address, _), pytest.raises(StoppedError) as caught:
            Server(address, 5, 1, LANGUAGE_MODEL).get("/v1/models")
        assert len(shown_of(said, caught.value.message)) < 4 and len(shown_of(KEY, caught.value.message)) < 4


@pytest.mark.parametrize("netrc", [False, True])
def test_what_a_server_says_never_shows_the_password(monkeypatch, tmp_path, netrc):
    user, _, password = BASIC.partition(":")
    if netrc:
        (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {user} password {password}\n")
        (tmp_path / "netrc").chmod(0o600)
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.delenv("PREP_A1111_AUTH", raising=False)
    else:
        monkeypatch.setenv("PREP_A1111_AUTH", BASIC)
    for said in (password, BASIC, quote(password, safe=""), base64.b64encode(BASIC.encode()).decode()):
        body = json.dumps({"detail": f"{'!' * 170} no entry with {said}"}).encode()
        with answering(422, body) as (address, _), pytest.raises(StoppedError) as caught:
            Server(address, 5, 1, WEB_UI).get("/sdapi/v1/options")
        assert "no entry with" in caught.value.message
        assert len(shown_of(said, caught.value.message)) < 5 and len(shown_of(password, caught.value.message)) < 4


def test_what_a_server_says_stays_readable_beside_the_key(monkeypatch):
    monkeypatch.setenv("PREP_CAPTIONER_KEY", KEY)
    body = json.dumps({"error": f"the key {KEY} may not use tiny-instruct"}).encode()
    with answering(400, body) as (address, _), pytest.raises(StoppedError, match=r"the key \.\.\. may not use tiny"):
        Server(address, 5, 1, LANGUAGE_MODEL).get("/v1/models")


letters = st.characters(categories=("L", "N"))


@settings(max_examples=60, deadline=None)
@given(st.text(letters, min_size=1, max_size=40), st.text(letters, max_size=60), st.integers(0, 60))
def test_of_any_secret_no_six_letters_are_left(secret, text, at):
    found = masked(text[:at] + secret + text[at:], [secret])
    assert not [
        run for run in (secret[at : at + 6] for at in range(len(secret) - 5)) if run in found.replace("...", "\n")
    ]
    assert masked(found, []) == found
