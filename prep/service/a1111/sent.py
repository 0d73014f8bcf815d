"""Pictures that clients send as text. What is no picture gets A1111's own answer, which its clients know."""

import asyncio

from fastapi import HTTPException, Request

from prep.service.pictures import from_base64
from prep.web.refused import Refused

UNREADABLE = 422  # what Refused says of bytes that are no picture
MEGABYTE = 1_000_000


async def picture_bytes(request: Request, text: str) -> bytes:
    """text: base64, or a data: URI. Raises HTTPException, Refused."""
    if text.startswith(("http://", "https://")):
        raise HTTPException(500, "Requests not allowed")
    most = request.app.state.desk.settings.serve.picture_mb * MEGABYTE
    try:
        return await asyncio.to_thread(from_base64, text, most)
    except Refused as refused:
        raise as_a1111_says(refused) from None


def as_a1111_says(refused: Refused) -> Exception:
    return HTTPException(500, "Invalid encoded image") if refused.status == UNREADABLE else refused
