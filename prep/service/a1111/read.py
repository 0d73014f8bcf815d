"""Interrogate, as A1111, SD.Next and the extension wd14-tagger have it. One tagger answers, whatever it is called."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request, Response

from prep.service.a1111 import tags
from prep.service.a1111.models import ExtensionTagger, Interrogate, Tagger
from prep.service.a1111.options import options_of
from prep.service.a1111.route import Route
from prep.service.a1111.sent import as_a1111_says, picture_bytes
from prep.service.reading import Reading
from prep.service.waiting import while_connected
from prep.web.access import client_of
from prep.web.refused import Refused

DEEPBOORU = ("deepdanbooru", "deepbooru")
CLIP = "clip"  # the default of A1111's clients: the tagger answers, since there is no CLIP here
PUBLISHED = ("wd-", "wd14", "z3d-")  # how the default models of other clients begin

router = APIRouter(route_class=Route)


@router.post("/sdapi/v1/interrogate")
async def interrogate(asked: Interrogate, request: Request, response: Response) -> dict[str, str]:
    if asked.image is None:
        raise HTTPException(404, "Image not found")
    if asked.model not in (*DEEPBOORU, CLIP, _tagger(request)):
        raise HTTPException(404, "Model not found")
    reading = await _read(request, response, asked.image)
    return {"caption": tags.deepbooru(reading.scores, options_of(request), asked.threshold)}


@router.post("/sdapi/v1/tagger")
async def tagger(asked: Tagger, request: Request, response: Response) -> dict[str, Any]:
    _require(asked.image, asked.model, request)
    reading = await _read(request, response, asked.image)
    return tags.sd_next(reading.scores, asked)


@router.get("/sdapi/v1/tagger/models")
async def tagger_models(request: Request) -> list[dict[str, str]]:
    return [{"name": _tagger(request), "type": "deepbooru"}]


@router.post("/tagger/v1/interrogate")
async def extension(asked: ExtensionTagger, request: Request, response: Response) -> dict[str, Any]:
    _require(asked.image, asked.model, request)
    reading = await _read(request, response, asked.image)
    return {"caption": tags.extension(reading.scores, asked.threshold)}


@router.get("/tagger/v1/interrogators")
async def interrogators(request: Request) -> dict[str, list[str]]:
    return {"models": [_tagger(request)]}


@router.post("/tagger/v1/unload-interrogators")
async def unload_interrogators() -> str:
    """Unloads nothing: other clients may be reading."""
    return ""


def _tagger(request: Request) -> str:
    return request.app.state.desk.tagger.name


def _require(image: str | None, model: str, request: Request) -> None:
    if not image:
        raise HTTPException(404, "Image not found")
    if model.lower() not in (*DEEPBOORU, _tagger(request).lower()) and not model.lower().startswith(PUBLISHED):
        raise HTTPException(404, "Model not found")


async def _read(request: Request, response: Response, image: str) -> Reading:
    """Raises HTTPException, Refused."""
    data = await picture_bytes(request, image)
    try:
        readings = await while_connected(request, request.app.state.desk.read([data], client_of(request)))
    except Refused as refused:
        raise as_a1111_says(refused) from None
    response.headers["X-Prep-Tagger"] = quote(_tagger(request))
    return readings[0]
