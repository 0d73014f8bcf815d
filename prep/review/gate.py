"""What each request is held to: from this machine, from this page, with the token in its address, and not large.

The token is in the path, so that pictures and modules are asked for by relative addresses, and two reviews on two ports
have nothing in common, as cookies would be.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

from starlette.responses import PlainTextResponse

from prep.web.access import Access
from prep.web.answers import refusal
from prep.web.refused import Refused

BODY_SECONDS = 10.0  # that a part of a body may take
MOST_BYTES = 8_000_000  # of a body: the ids of 300,000 pictures
TOKEN_BYTES = 18
HEADERS = {
    b"content-security-policy": (
        b"default-src 'self'; img-src 'self' blob:; style-src 'self'; object-src 'none'; base-uri 'none'; "
        b"form-action 'none'; frame-ancestors 'none'"
    ),
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
LOST = "This address lacks its token. Use the address that `prep review` printed, or start it again.\n"


class Gate:
    def __init__(self, app: Callable, token: str) -> None:
        self.app = app
        self.token = token
        self.access = Access({}, hint="use the address that prep review printed")

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *HEADERS.items()]}
            await send(message)

        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self.access.check(headers)
            self._check_size(headers)
        except Refused as error:
            await refusal(error)(scope, receive, guarded)
            return
        _, *parts = scope["path"].split("/", 2)  # the token, and the rest
        token = parts[0] if len(parts) == 2 else ""
        if not secrets.compare_digest(token.encode("utf-8", "surrogateescape"), self.token.encode()):
            await PlainTextResponse(LOST, 404)(scope, receive, guarded)
            return
        inner = {**scope, "path": f"/{parts[1]}", "raw_path": f"/{parts[1]}".encode("utf-8", "surrogateescape")}
        await self.app(inner, _limited(receive), guarded)

    def _check_size(self, headers: dict[str, str]) -> None:
        """Raises Refused."""
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > MOST_BYTES:
            raise Refused(413, f"the request is larger than {MOST_BYTES // 10**6} MB", "change fewer pictures at once")


def _limited(receive: Callable) -> Callable:
    """A body that becomes too large, or does not come, ends as if the client had gone."""
    left, whole = MOST_BYTES, False

    async def limited() -> dict[str, Any]:
        nonlocal left, whole
        if whole:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), BODY_SECONDS)
        except TimeoutError:
            return {"type": "http.disconnect"}
        left -= len(message.get("body", b""))
        whole = not message.get("more_body", False)
        return message if left >= 0 else {"type": "http.disconnect"}

    return limited


def new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)
