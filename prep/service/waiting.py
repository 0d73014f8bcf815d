"""A request that waits for its turn, as long as its client is there."""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import TypeVar

from fastapi import Request

from prep.web.refused import Refused

T = TypeVar("T")
LOOK_SECONDS = 0.25  # between looks whether the client is still connected
CLIENT_GONE = 499  # as nginx has it; nobody receives it


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """The work's result. If the client hangs up first, the work is cancelled. Raises Refused then."""
    task = asyncio.ensure_future(work)
    try:
        while True:
            done, _ = await asyncio.wait({task}, timeout=LOOK_SECONDS)
            if done:
                return task.result()
            if await request.is_disconnected():
                raise Refused(CLIENT_GONE, "the client hung up")
    finally:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
