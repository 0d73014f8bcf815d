"""What every request is held to before a route sees it: who asks, how many at once, how large and how slow a body is.

As ASGI middleware, so that it also counts what streams.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException

from prep.sections import Serve
from prep.service.metrics import Metrics
from prep.web.access import Access
from prep.web.answers import detail_of, refusal
from prep.web.refused import Refused

BODY_SECONDS = 120.0  # in which a body has to arrive
STILL_SECONDS = 20.0  # between two parts of it
SMALL_BYTES, SMALL_SECONDS = 10**6, 1.0  # of a body that is received although it is refused
OPEN = ("/health", "/ready")  # need no password: they say nothing


class Limits:
    def __init__(self, app: Callable, access: Access, serve: Serve, metrics: Metrics) -> None:
        self.app = app
        self.access = access
        self.serve = serve
        self.metrics = metrics
        self.requests = 0  # at work

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 0
        self.requests += 1
        patient = _Patient(receive, self.serve.request_mb)

        async def counted(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                await patient.finish(scope)
                if not patient.whole:  # the rest of the body may still be on its way
                    message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        try:
            self._check(scope)
            await self.app(scope, patient.received, counted)
        except Refused as error:
            if not status:
                await refusal(error)(scope, receive, counted)
        finally:
            self.requests -= 1
            self.metrics.asked(scope, status, time.monotonic() - began)

    def _check(self, scope: dict[str, Any]) -> None:
        """Raises Refused."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if self.requests > self.serve.connections:
            raise Refused(503, f"{self.serve.connections:,} requests are at work", "try again", {"Retry-After": "5"})
        if scope["path"] not in OPEN:
            scope["prep.user"] = self.access.check(headers)
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self.serve.request_mb * 10**6:
            raise too_large(self.serve.request_mb)


class _Patient:
    """Receives a body that is neither too large nor too slow. Once it is there, it waits for ever: for a hang-up."""

    def __init__(self, receive: Callable[[], Awaitable[dict]], request_mb: int) -> None:
        self.receive = receive
        self.request_mb = request_mb
        self.left = request_mb * 10**6
        self.ends = time.monotonic() + BODY_SECONDS
        self.whole = False

    async def received(self) -> dict[str, Any]:
        """Raises HTTPException, 408 or 413: FastAPI takes any other exception for a body that is no JSON."""
        if self.whole:
            return await self.receive()
        seconds = max(0.0, min(STILL_SECONDS, self.ends - time.monotonic()))
        try:
            message = await asyncio.wait_for(self.receive(), seconds)
        except TimeoutError:
            slow = Refused(408, "the request's body did not arrive in time", "send it again")
            raise HTTPException(408, detail_of(slow)) from None
        self.left -= len(message.get("body", b""))
        if self.left < 0:
            raise HTTPException(413, detail_of(too_large(self.request_mb)))
        self.whole = not message.get("more_body", False)
        return message

    async def finish(self, scope: dict[str, Any]) -> None:
        """Receive the rest of a small body that nobody read, so that its sender gets to the answer."""
        length = dict(scope["headers"]).get(b"content-length", b"")
        if not self.whole and length.isdigit() and int(length) <= SMALL_BYTES:
            with contextlib.suppress(HTTPException, TimeoutError):
                async with asyncio.timeout(SMALL_SECONDS):
                    while not self.whole:
                        await self.received()


def too_large(request_mb: int) -> Refused:
    return Refused(413, f"the request is larger than {request_mb:,} MB", "send fewer pictures at once")
