"""How far the picture at work is, and stopping it."""

import time
from typing import Any

from fastapi import APIRouter, Request

from prep.service.a1111.route import Route
from prep.web.access import client_of

router = APIRouter(route_class=Route)


@router.get("/sdapi/v1/progress")
async def progress(request: Request) -> dict[str, Any]:
    now = request.app.state.desk.now()
    share = now.share if now.id else 0.0
    elapsed = time.monotonic() - now.started if now.started else 0.0
    return {
        "progress": share,
        "eta_relative": elapsed / share - elapsed if share else 0.0,
        "state": {
            "skipped": False,
            "interrupted": False,
            "stopping_generation": False,
            "job": now.id,
            "job_count": max(1, now.pictures) if now.id else 0,
            "job_timestamp": time.strftime("%Y%m%d%H%M%S", time.localtime(time.time() - elapsed)) if now.id else "0",
            "job_no": now.picture,
            "sampling_step": now.step,
            "sampling_steps": now.steps,
        },
        "current_image": None,
        "textinfo": f"{now.waiting} waiting" if now.waiting else None,
    }


@router.post("/sdapi/v1/interrupt")
async def interrupt(request: Request) -> dict[str, Any]:
    """The order at work ends with the pictures that are done."""
    request.app.state.desk.interrupt(client_of(request))
    return {}


@router.post("/sdapi/v1/skip")
async def skip(request: Request) -> None:
    request.app.state.desk.interrupt(client_of(request))
