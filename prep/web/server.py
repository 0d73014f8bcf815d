"""uvicorn, as prep runs it: a client that sends its headers too slowly is dropped, and a signal ends it in order."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from prep.errors import UsageError
from prep.system import allow_open_files

BACKLOG = 64  # connections that are accepted together
OWN_FILES = 256  # that the models and the queue have open
UNREAD_SECONDS = 60.0  # that an answer may wait for its client to read on
ANSWER_SECONDS = 15.0  # to read answers once the server ends
FULL_BODY = b'{"detail": "Too many connections. Try again in 5 s."}'
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(FULL_BODY), FULL_BODY)
)
HEADER_SECONDS = 10.0  # for a request's line and headers, and until a new connection's first one


class PatientProtocol(H11Protocol):
    """uvicorn waits for headers for ever: a thousand connections that send nothing would be kept."""

    slow: asyncio.TimerHandle | None = None
    stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.since = self.loop.time()
        if len(self.connections) > self.config.app_connections:
            others = [each for each in self.connections if each is not self and not each.at_work]
            if not others:
                transport.write(FULL)
                transport.close()
                return
            min(others, key=lambda each: each.since).transport.abort()  # it has asked for nothing for longest
        self._begin()

    def pause_writing(self) -> None:
        """The client does not read what it asked for."""
        super().pause_writing()
        self.stuck = self.stuck or self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._read_on()

    def _read_on(self) -> None:
        if self.stuck:
            self.stuck.cancel()
            self.stuck = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.at_work:
            self._end()
        elif self.slow is None and self.conn.trailing_data[0]:
            self._begin()

    def connection_lost(self, error: Exception | None) -> None:
        self._end()
        self._read_on()
        super().connection_lost(error)

    def _begin(self) -> None:
        self.slow = self.loop.call_later(HEADER_SECONDS, self._drop)

    def _end(self) -> None:
        if self.slow:
            self.slow.cancel()
            self.slow = None

    def _drop(self) -> None:
        self.slow = None
        if not self.at_work:
            self.transport.close()

    @property
    def at_work(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, finish: Callable[[], None]) -> None:
        super().__init__(config)
        self.finish = finish

    def handle_exit(self, number: int, frame: Any) -> None:
        """Whoever waits is answered at once, and what is at work is finished. A second signal ends it at once.

        uvicorn's own would raise the signal again at the end, before that is done.
        """
        if self.should_exit:
            os._exit(128 + number)
        self.should_exit = True
        threading.Thread(target=self._give_up, daemon=True).start()

    def _give_up(self) -> None:
        """In a thread of its own: the signal's may hold a lock. Once all work is done, clients have a while to read
        their answers.
        """
        self.finish()
        time.sleep(ANSWER_SECONDS)
        self.force_exit = True


def listening(host: str, port: int) -> socket.socket:
    """A socket that is bound. Raises UsageError."""
    try:
        kind = socket.AF_INET6 if ":" in host else socket.AF_INET
        found = socket.socket(kind)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host.strip("[]"), port))
        found.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{host}:{port} cannot be listened on: {why}", hint="name another --port") from None
    return found


class Config(uvicorn.Config):
    app_connections: int = 0  # open ones, at most


def make_config(app: FastAPI, requests: int) -> Config:
    """requests: at once; some more connections may be idle, or about to be told that there are too many."""
    config = Config(
        app, http=PatientProtocol, ws="none", lifespan="off", log_level="warning", access_log=False,
        server_header=False, proxy_headers=False, timeout_keep_alive=10, backlog=BACKLOG,
    )  # fmt: skip
    config.app_connections = 2 * requests + BACKLOG
    allow_open_files(config.app_connections + 2 * BACKLOG + OWN_FILES)
    return config


def serve(app: FastAPI, at: socket.socket, requests: int, finish: Callable[[], None]) -> None:
    """Answer until a signal comes. finish: returns once nothing is at work; whoever waits is answered meanwhile."""
    Server(make_config(app, requests), finish).run(sockets=[at])
