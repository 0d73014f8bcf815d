"""The small routes: what there is to choose from, the options, and the text of a PNG.

A list of what prep does not have is empty. No answer contains a path of this machine.
"""

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from prep.errors import ImageError
from prep.images import png_text
from prep.process.hardware import memory
from prep.service.a1111 import infotext, samplers
from prep.service.a1111.checkpoint import checkpoint
from prep.service.a1111.models import PngInfo
from prep.service.a1111.options import change, shown
from prep.service.a1111.route import Route
from prep.service.a1111.sent import as_a1111_says, picture_bytes
from prep.service.pictures import unreadable

PREFIX = "/sdapi/v1"
NO_LIST = (
    "sd-vae", "sd-modules", "latent-upscale-modes", "loras", "hypernetworks", "face-restorers", "realesrgan-models",
    "prompt-styles", "script-info", "extensions",
)  # fmt: skip
NOTHING_TO_DO = (
    "refresh-checkpoints", "refresh-vae", "refresh-loras", "refresh-embeddings", "unload-checkpoint",
    "reload-checkpoint",
)  # fmt: skip
AUTOMATIC = {"aliases": None, "default_rho": -1.0, "need_inner_model": False}
NOTES = ("prep", "Title", "Author", "Description", "Copyright", "Software", "Comment", "prompt", "workflow")

router = APIRouter(route_class=Route)


@router.get(f"{PREFIX}/options")
async def options(request: Request) -> dict[str, Any]:
    return shown(request)


@router.post(f"{PREFIX}/options")
async def set_options(posted: dict[str, Any], request: Request) -> None:
    change(request, posted)


@router.get(f"{PREFIX}/sd-models")
async def sd_models(request: Request) -> list[dict[str, Any]]:
    used = checkpoint(request.app.state.desk)
    return [used.listed()] if used else []


@router.get(f"{PREFIX}/samplers")
async def list_samplers(request: Request) -> list[dict[str, Any]]:
    card = request.app.state.desk.card
    return samplers.listed(card.samplers) if card else []


@router.get(f"{PREFIX}/schedulers")
async def schedulers() -> list[dict[str, Any]]:
    """The sigmas belong to the model."""
    return [{"name": "automatic", "label": "Automatic", **AUTOMATIC}]


@router.get(f"{PREFIX}/upscalers")
async def upscalers() -> list[dict[str, Any]]:
    return [{"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 1.0}]


@router.get(f"{PREFIX}/embeddings")
async def embeddings() -> dict[str, Any]:
    return {"loaded": {}, "skipped": {}}


@router.get(f"{PREFIX}/scripts")
async def scripts() -> dict[str, list[str]]:
    return {"txt2img": [], "img2img": []}


@router.get(f"{PREFIX}/cmd-flags")
async def cmd_flags() -> dict[str, bool]:
    return {"api": True}


@router.get(f"{PREFIX}/memory")
async def get_memory() -> dict[str, Any]:
    """In bytes."""
    total, free = memory()
    used = None if total is None or free is None else total - free
    return {"ram": {"free": free, "used": used, "total": total}, "cuda": {"error": "not measured"}}


@router.post(f"{PREFIX}/png-info")
async def png_info(asked: PngInfo, request: Request) -> dict[str, Any]:
    """A1111's words in a PNG, and what they say; nothing for a picture without any."""
    data = await picture_bytes(request, asked.image.strip())
    try:
        texts = await asyncio.to_thread(lambda: {name: png_text(data, name) for name in ("parameters", *NOTES)})
    except ImageError as error:
        raise as_a1111_says(unreadable(error)) from None
    info = texts.pop("parameters") or ""
    items = {name: text for name, text in texts.items() if text is not None}
    parameters = await asyncio.to_thread(infotext.parsed, info) if info else {}
    return {"info": info, "items": items, "parameters": parameters}


@router.get("/internal/ping")
async def ping() -> dict[str, Any]:
    return {}


async def _empty() -> list[Any]:
    return []


async def _nothing() -> None:
    """There is one model, which is always ready."""


for name in NO_LIST:
    router.add_api_route(f"{PREFIX}/{name}", _empty, methods=["GET"], name=name)
for name in NOTHING_TO_DO:
    router.add_api_route(f"{PREFIX}/{name}", _nothing, methods=["POST"], name=name)
