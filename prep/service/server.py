"""uvicorn, as prep runs it: a client that sends its headers too slowly is dropped, and a signal ends it in order."""

import asyncio
import os
import socket
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from prep.errors import UsageError
from prep.service.desk import Desk

HEADER_SECONDS = 10.0  # for a request's line and headers, and until a new connection's first one


class PatientProtocol(H11Protocol):
    """uvicorn waits for headers for ever: a thousand connections that send nothing would be kept."""

    slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        at_work = self.cycle is not None and not self.cycle.response_complete
        if at_work:
            self._end()
        elif self.slow is None and self.conn.trailing_data[0]:
            self._begin()

    def connection_lost(self, error: Exception | None) -> None:
        self._end()
        super().connection_lost(error)

    def _begin(self) -> None:
        self.slow = self.loop.call_later(HEADER_SECONDS, self._drop)

    def _end(self) -> None:
        if self.slow:
            self.slow.cancel()
            self.slow = None

    def _drop(self) -> None:
        self.slow = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, desk: Desk) -> None:
        super().__init__(config)
        self.desk = desk

    def handle_exit(self, number: int, frame: Any) -> None:
        """Whoever waits is answered at once, and what is being drawn is finished. A second signal ends it at once.

        uvicorn's own would raise the signal again at the end, before that is done.
        """
        if self.should_exit:
            os._exit(128 + number)
        self.should_exit = True
        self.desk.stop()


def listening(host: str, port: int) -> socket.socket:
    """A socket that is bound. Raises UsageError."""
    try:
        kind = socket.AF_INET6 if ":" in host else socket.AF_INET
        found = socket.socket(kind)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host.strip("[]"), port))
        found.listen(2048)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{host}:{port} cannot be listened on: {why}", hint="name another --port") from None
    return found


def make_config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app, http=PatientProtocol, ws="none", lifespan="off", log_level="warning", access_log=False,
        server_header=False, proxy_headers=False, timeout_keep_alive=10,
    )  # fmt: skip


def serve(app: FastAPI, desk: Desk, at: socket.socket) -> None:
    """Answer until a signal comes."""
    try:
        Server(make_config(app), desk).run(sockets=[at])
    finally:
        desk.close()
