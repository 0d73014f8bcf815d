"""A language model on loopback, with the API of OpenAI: it says what a test wants, with the faults of real ones."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Said(NamedTuple):
    text: Any = ""  # or what takes its place, as JSON
    ended: str = "stop"
    status: int = 200
    error: str = ""


class Speaker:
    """What it answers, and what it was asked."""

    def __init__(self, answer: Callable[[str], Said | str]) -> None:
        """answer: the user's text -> what it says."""
        self.answer = answer
        self.models = ["tiny-instruct"]
        self.url = ""
        self.calls: list[dict[str, Any]] = []
        self.shown: set[str | None] = set()  # as Authorization
        self.key = ""  # that it wants
        self.lock = threading.Lock()
        self.gone = False


@contextmanager
def speaking(answer: Callable[[str], Said | str]) -> Iterator[Speaker]:
    speaker = Speaker(answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(speaker))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    speaker.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield speaker
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(speaker: Speaker) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._send(200, {"object": "list", "data": [{"id": name} for name in speaker.models]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if speaker.gone:
                self.close_connection = True
                return
            with speaker.lock:
                speaker.calls.append(body)
                speaker.shown.add(self.headers.get("Authorization"))
            if speaker.key and self.headers.get("Authorization") != f"Bearer {speaker.key}":
                shown = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                self._send(401, {"error": {"message": f"Incorrect API key provided: {shown}"}})
                return
            content = body["messages"][-1]["content"]
            said = speaker.answer(content if isinstance(content, str) else content[0]["text"])
            said = Said(said) if isinstance(said, str) else said
            if said.status != 200:
                self._send(said.status, {"error": {"message": said.error}})
                return
            choice = {"index": 0, "message": {"role": "assistant", "content": said.text}, "finish_reason": said.ended}
            self._send(200, {"model": body["model"], "choices": [choice]})

        def _send(self, status: int, found: Any) -> None:
            data = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_) -> None:
            pass

    return Handler
