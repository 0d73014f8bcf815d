"""What every request is held to before a route sees it: who asks, how many at once, how large and how slow a body is.

As ASGI middleware, so that it also counts what streams.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from prep.config import Serve
from prep.service.access import Access
from prep.service.metrics import Metrics
from prep.service.refused import Refused

BODY_SECONDS = 120.0  # in which a body has to arrive
STILL_SECONDS = 20.0  # between two parts of it
OPEN = ("/health",)  # needs no password: it says nothing


class Limits:
    def __init__(self, app: Callable, access: Access, service: Serve, metrics: Metrics) -> None:
        self.app = app
        self.access = access
        self.service = service
        self.metrics = metrics
        self.requests = 0  # at work

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 0
        self.requests += 1

        async def counted(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            self._check(scope)
            await self.app(scope, self._patient(scope, receive), counted)
        except Refused as error:
            if not status:
                await answer(error, counted)
        finally:
            self.requests -= 1
            self.metrics.asked(scope, status, time.monotonic() - began)

    def _check(self, scope: dict[str, Any]) -> None:
        """Raises Refused."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if self.requests > self.service.connections:
            raise Refused(503, f"{self.service.connections:,} requests are at work", "try again", {"Retry-After": "5"})
        if scope["path"] not in OPEN:
            scope["prep.user"] = self.access.check(headers)
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._most():
            raise self._too_large()

    def _patient(self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict]]) -> Callable:
        """The same, but it refuses a body that is too large or too slow. Once the body is there it waits for ever."""
        left, ends, whole = self._most(), time.monotonic() + BODY_SECONDS, False

        async def received() -> dict[str, Any]:
            nonlocal left, whole
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, min(STILL_SECONDS, ends - time.monotonic())))
            except TimeoutError:
                raise Refused(408, "the request's body did not arrive in time", "send it again") from None
            left -= len(message.get("body", b""))
            if left < 0:
                raise self._too_large()
            whole = not message.get("more_body", False)
            return message

        return received

    def _most(self) -> int:
        return self.service.request_mb * 10**6

    def _too_large(self) -> Refused:
        return Refused(413, f"the request is larger than {self.service.request_mb:,} MB", "send fewer pictures at once")


async def answer(error: Refused, send: Callable[[dict], Awaitable[None]]) -> None:
    """As A1111's clients know it: {"detail": ...}. The connection is closed, since a body may still be on its way."""
    data = json.dumps({"detail": detail_of(error)}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(data)), "connection": "close"}
    pairs = [(name.lower().encode(), value.encode()) for name, value in (headers | error.headers).items()]
    await send({"type": "http.response.start", "status": error.status, "headers": pairs})
    await send({"type": "http.response.body", "body": data})


def detail_of(error: Refused) -> str:
    """A1111's own words have no full stop, and its clients compare them."""
    return str(error) if error.hint else error.message
