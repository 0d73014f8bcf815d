"""A release page on loopback, with the faults that real ones have. It keeps what it was asked."""

import contextlib
import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = bytes(range(250)) * 4000  # 1,000,000 bytes: one megabyte as it is published


class Page:
    """What the server gives, and how its next answers fail: each name in faults is used up by one GET.

    cut: half of what was asked, then the connection ends. busy: 503. silent: accepts, and never answers.
    long: Content-Length is one byte too many. whole: Range is ignored. shifted: another range than was asked.
    """

    def __init__(self) -> None:
        self.body = BODY
        self.etag = '"one"'
        self.status = 200
        self.faults: list[str] = []
        self.asked: list[dict[str, str]] = []  # the headers of each GET, names in lower case
        self.tokens: list[str | None] = []  # what each request, HEAD or GET, showed as Authorization
        self.done = threading.Event()
        self.url = ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@contextmanager
def release_page():
    page = Page()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(page))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    page.url = f"http://127.0.0.1:{server.server_port}/model.pt"
    try:
        yield page
    finally:
        page.done.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(page: Page) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            page.tokens.append(self.headers.get("Authorization"))
            self.send_response(page.status)
            self.end_headers()

        def do_GET(self) -> None:
            page.asked.append({name.lower(): value for name, value in self.headers.items()})
            page.tokens.append(self.headers.get("Authorization"))
            fault = page.faults.pop(0) if page.faults else ""
            if fault == "silent":
                page.done.wait()
                return
            if fault == "busy" or page.status != 200:
                self._head(503 if fault == "busy" else page.status, 0)
                return
            begin = self._begin() if fault != "whole" else 0
            if begin >= len(page.body):
                self._head(416, 0)
                return
            body = page.body[begin:]
            self._head(206 if begin else 200, len(body) + (fault == "long"), begin + (fault == "shifted"))
            with contextlib.suppress(ConnectionError):  # who is asked for too much room hangs up
                self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)

        def _begin(self) -> int:
            same = self.headers.get("If-Range") == page.etag
            return (
                int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if "Range" in self.headers and same else 0
            )

        def _head(self, status: int, length: int, begin: int = 0) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            if page.etag:
                self.send_header("ETag", page.etag)
            if status == 206:
                self.send_header("Content-Range", f"bytes {begin}-{len(page.body) - 1}/{len(page.body)}")
            self.end_headers()

        def log_message(self, *_) -> None:
            pass

    return Handler
