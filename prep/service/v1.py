"""/v1: pictures in, tags, prompts and new pictures out."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from prep.service.access import client_of
from prep.service.body import FORM, body_of
from prep.service.captions import STYLES, caption_of, prompt_from
from prep.service.desk import Desk
from prep.service.orders import MOST_SEED, Order
from prep.service.pictures import check_picture
from prep.service.refused import Refused
from prep.service.store import ENDED, Job
from prep.service.waiting import while_connected

LOOK_SECONDS = 0.2  # between two looks at a job
STILL_SECONDS = 15.0  # after which an event stream says that it is alive
PNG = "/9j/4AAQSkZJRgABAQEASABIAAD..."
WAIT = "true: answer when it is done; if you hang up before, it is cancelled. false: answer at once with its id"


def _on_one_line(text: str) -> str:
    if "\0" in text:
        raise ValueError("text without control characters")
    return text


Words = Annotated[str, AfterValidator(_on_one_line), Field(max_length=10_000)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReadBody(Body):
    images: list[str] = Field(min_length=1, description="base64 or data: URIs; in a form, files", examples=[[PNG]])
    style: Literal[STYLES] = Field("tags", description="of the caption: tags, or a sentence made of them")
    trigger: Words = Field("", description="a trigger word that the caption begins with", examples=["sylvie"])
    threshold: float | None = Field(None, ge=0, le=1, description="null: by the picture's edges, as in a set")


class DrawBody(Body):
    prompt: Words = Field("", description="empty, with an image: its tags", examples=["1girl, orange hair, smile"])
    negative: Words | None = Field(None, description="null: the model's own words")
    sentence: Words = Field("", description="for T5, where the model has it; empty: the prompt")
    image: str | None = Field(None, description="base64 or a data: URI; in a form, a file")
    mask: str | None = Field(None, description="of img2img: white is drawn anew; in a form, a file")
    manner: Literal["text", "img2img", "edit", "composite"] | None = Field(
        None, description="null: img2img with an image, else text. edit: FlowEdit. composite: the image's figure "
        "before a scene drawn from the prompt")  # fmt: skip
    strength: float | None = Field(None, gt=0, le=1, description="of img2img and edit")
    source: Words = Field("", description="of an edit: a prompt for what the image shows; empty: its tags")
    width: int | None = Field(None, ge=64, le=4096, description="pixels; null: the image's, or the model's own")
    height: int | None = Field(None, ge=64, le=4096)
    steps: int | None = Field(None, ge=1, le=150, description="null: the model's own")
    guidance: float | None = Field(None, ge=0, le=30, description="CFG scale; null: the model's own")
    sampler: str | None = Field(None, max_length=60, description="one of /v1/models; null: the settings'")
    seed: int = Field(-1, ge=-1, le=MOST_SEED, description="-1: a random one; further pictures have the next ones")
    count: int = Field(1, ge=1, le=1_000, description="pictures")
    wait: bool = Field(False, description=WAIT)


class LoopBody(Body):
    image: str = Field(description="base64 or a data: URI; in a form, a file", examples=[PNG])
    character: Annotated[str, AfterValidator(_on_one_line), Field(min_length=1, max_length=100)] = Field(
        "picture", description="whose picture it is: the trigger word of the caption"
    )
    count: int = Field(4, ge=1, le=100, description="variations to draw, besides one reconstruction")
    wait: bool = Field(False, description=WAIT)


class DatasetBody(Body):
    source: Words = Field(min_length=1, description="a folder below one of serve.roots", examples=["characters"])
    name: Words = Field("", description="of the set in outputs/; empty: the folder's")


class Tagged(BaseModel):
    name: str
    category: str
    score: float


class ReadPicture(BaseModel):
    caption: str
    tags: list[Tagged] = Field(description="above the threshold, best first")
    scores: list[Tagged] = Field(description="all above 0.02, best first")
    rating: str | None
    edge_density: float = Field(description="share of edge pixels, 0-1")
    level: str = Field(description="simple, medium or complex, by edge density")
    threshold: float


class ReadAnswer(BaseModel):
    tagger: str
    trial: bool = Field(description="whether a starter model reads")
    pictures: list[ReadPicture]


class JobAnswer(BaseModel):
    id: str
    kind: str
    status: str = Field(description="queued, running, done, failed, cancelled")
    before: int = Field(description="jobs that come first")
    progress: float = Field(description="0-1")
    line: str = Field(description="what it said last")
    created: float = Field(description="seconds since 1970")
    began: float | None
    ended: float | None
    result: dict[str, Any] | None = None
    error: dict[str, str] | None = None
    trial: bool = False


class ErrorAnswer(BaseModel):
    detail: str


def routes() -> APIRouter:
    router = APIRouter(prefix="/v1", responses={code: {"model": ErrorAnswer} for code in REFUSALS})
    add = router.add_api_route
    add("/read", read, methods=["POST"], response_model=ReadAnswer, summary="Tags and captions of pictures",
        openapi_extra=_bodies(ReadBody))  # fmt: skip
    waited = {200: {"model": JobAnswer, "description": "done, if it was waited for"}}
    jobs: dict[str, Any] = dict(methods=["POST"], response_model=JobAnswer, status_code=202, responses=waited)
    add("/draw", draw, summary="New pictures from words or a picture", openapi_extra=_bodies(DrawBody), **jobs)
    add("/loop", loop, summary="A picture's tags, prompts and new pictures, each with its check",
        openapi_extra=_bodies(LoopBody), **jobs)  # fmt: skip
    add("/datasets", datasets, summary="A training set from a folder", openapi_extra=_bodies(DatasetBody), **jobs)
    add("/jobs/{id}", job, methods=["GET"], response_model=JobAnswer, summary="How far a job is, and its result")
    add("/jobs/{id}", cancel, methods=["DELETE"], response_model=JobAnswer, summary="Cancel a job")
    add("/jobs/{id}/events", events, methods=["GET"], response_class=StreamingResponse,
        summary="A job's progress as server-sent events, until it ends",
        responses={200: {"content": {"text/event-stream": {}}}})  # fmt: skip
    add("/jobs/{id}/{file:path}", picture, methods=["GET"], response_class=FileResponse,
        summary="A picture of a job's result", responses={200: {"content": {"image/png": {}}}})  # fmt: skip
    add("/models", models, methods=["GET"], summary="What reads and draws here")
    return router


REFUSALS = (400, 401, 403, 404, 408, 413, 421, 422, 429, 503)


def _bodies(model: type[BaseModel]) -> dict[str, Any]:
    """JSON or a form: the OpenAPI of a body that body_of reads."""
    schema = model.model_json_schema()
    content = {"application/json": {"schema": schema}, FORM: {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


async def read(request: Request) -> ReadAnswer:
    desk: Desk = request.app.state.desk
    body, pictures = await body_of(request, ReadBody, desk.settings.serve)
    found = await while_connected(request, desk.read(pictures.get("images", []), client_of(request)))
    return ReadAnswer(
        tagger=desk.tagger.name,
        trial=desk.trial,
        pictures=[ReadPicture(**caption_of(desk.settings, each, body.style, body.trigger, body.threshold))
                  for each in found],
    )  # fmt: skip


async def draw(request: Request) -> JSONResponse:
    desk: Desk = request.app.state.desk
    body, pictures = await body_of(request, DrawBody, desk.settings.serve)
    order = await _order(request, desk, body, pictures)
    return await _answered(request, desk, desk.submit_order(order, client_of(request)), body.wait)


async def loop(request: Request) -> JSONResponse:
    desk: Desk = request.app.state.desk
    body, pictures = await body_of(request, LoopBody, desk.settings.serve)
    accepted = desk.submit_loop(pictures["image"][0], body.character, body.count, client_of(request))
    return await _answered(request, desk, accepted, body.wait)


async def datasets(request: Request) -> JSONResponse:
    desk: Desk = request.app.state.desk
    body, _ = await body_of(request, DatasetBody, desk.settings.serve)
    return await _answered(request, desk, desk.submit_dataset(body.source, body.name, client_of(request)), False)


async def job(request: Request, id: str) -> JobAnswer:  # noqa: A002 - the name in the address
    return _told(request.app.state.desk, id)


async def cancel(request: Request, id: str) -> JobAnswer:  # noqa: A002
    desk: Desk = request.app.state.desk
    desk.cancel(id)
    return _told(desk, id)


async def picture(request: Request, id: str, file: str) -> FileResponse:  # noqa: A002
    return FileResponse(request.app.state.desk.picture(id, file), media_type="image/png")


async def events(request: Request, id: str) -> StreamingResponse:  # noqa: A002
    desk: Desk = request.app.state.desk
    desk.job(id)
    return StreamingResponse(_events(desk, id), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def models(request: Request) -> dict[str, Any]:
    desk: Desk = request.app.state.desk
    card, generator = desk.card, None
    if card is not None:
        width, height = card.size(1, 1)
        generator = {"name": card.name, "precision": card.precision, "samplers": list(card.samplers),
                     "steps": card.steps, "guidance": card.guidance, "width": width, "height": height,
                     "edits": card.editing is not None}  # fmt: skip
    tagger = {"name": desk.tagger.name, "digest": desk.tagger.digest, "tags": len(desk.reading.vocabulary.names)}
    return {"tagger": tagger, "generator": generator, "styles": list(STYLES), "trial": desk.trial,
            "why_not_drawing": desk.why_not_drawing}  # fmt: skip


async def _order(request: Request, desk: Desk, body: DrawBody, pictures: dict[str, list[bytes]]) -> Order:
    """Raises Refused."""
    if desk.card is None:
        raise Refused(503, f"this server draws nothing: {desk.why_not_drawing}", "start it with a generator")
    card, settings = desk.card, desk.settings
    image, mask = ((pictures.get(name) or [None])[0] for name in ("image", "mask"))
    manner = body.manner or ("img2img" if image else "text")
    if manner != "text" and image is None:
        raise Refused(422, f"{manner} needs an image", "send one")
    if manner == "text" and image is not None and body.manner:
        raise Refused(422, "text uses no image", "leave it out, or use img2img")
    if mask is not None and manner != "img2img":
        raise Refused(422, f"{manner} has no mask", "use img2img")
    if not body.prompt and image is None:
        raise Refused(422, "there is neither a prompt nor an image", "send one of them")
    tags = ""
    if image is not None and manner != "composite" and (not body.prompt or manner == "edit" and not body.source):
        tags = prompt_from(settings, (await while_connected(request, desk.read([image], client_of(request))))[0])
    quality = card.quality if settings.generator.quality == "auto" else settings.generator.quality
    prompt = body.prompt or ", ".join(filter(None, (quality, tags)))
    negative = card.negative if settings.generator.negative == "auto" else settings.generator.negative
    guidance, strength, source_guidance = body.guidance, body.strength, 0.0
    if manner == "edit" and card.editing:
        editing = card.editing
        guidance = editing.target if guidance is None else guidance
        strength, source_guidance = strength or editing.strength, editing.source
    width, height = check_picture(image, settings.serve.max_pixels) if image else card.size(1, 1)
    if image and (body.width is None or body.height is None):
        width, height = card.size(width, height)
    first = secrets.randbelow(MOST_SEED + 1) if body.seed < 0 else body.seed
    return Order(
        prompt=prompt,
        negative=negative if body.negative is None else body.negative,
        sentence=body.sentence,
        width=body.width or width,
        height=body.height or height,
        steps=body.steps or settings.generator.steps or card.steps,
        guidance=guidance if guidance is not None else settings.generator.guidance or card.guidance,
        sampler=body.sampler or settings.generator.sampler,
        seeds=tuple((first + number) % (MOST_SEED + 1) for number in range(body.count)),
        manner=manner,
        image=image,
        mask=mask,
        strength=(strength or settings.augmentation.strength) if manner in ("img2img", "edit") else None,
        source=body.source or tags if manner == "edit" else "",
        source_guidance=source_guidance,
    )


async def _answered(request: Request, desk: Desk, accepted: Job, wait: bool) -> JSONResponse:
    """202 with the job; 200 once it is done, if it is waited for."""
    if not wait:
        return JSONResponse(_told(desk, accepted.id).model_dump(), 202, {"Location": f"/v1/jobs/{accepted.id}"})

    async def ended() -> None:
        while desk.store.job(accepted.id).state not in ENDED and not desk.lane.stopping.is_set():
            await asyncio.sleep(LOOK_SECONDS)

    try:
        await while_connected(request, ended())
    except Refused:
        desk.cancel(accepted.id)
        raise
    told = _told(desk, accepted.id)
    return JSONResponse(told.model_dump(), 200 if told.status in ENDED else 202)


def _told(desk: Desk, id_: str) -> JobAnswer:
    found = desk.job(id_)
    progress, before, work = desk.progress(id_)
    result = found.result
    if result and "pictures" in result:
        pictures = [{**each, "url": f"/v1/jobs/{id_}/{each['file']}"} for each in result["pictures"]]
        result = {**result, "pictures": pictures}
    return JobAnswer(
        id=id_, kind=found.kind, status=found.state, before=before,
        progress=1.0 if found.state == "done" else round(progress.share, 4),
        line=work.lines[-1][1] if work and work.lines else "",
        created=found.created, began=found.began, ended=found.ended, result=result, error=found.error, trial=desk.trial,
    )  # fmt: skip


async def _events(desk: Desk, id_: str) -> AsyncIterator[str]:
    """`progress` when it changes, `line` for each line that it says, and its state at the end."""
    said, before, still = 0, None, 0.0
    while True:
        told = _told(desk, id_)
        work = desk.progress(id_)[2]
        for number, line in list(work.lines) if work else []:
            if number > said:
                said = number
                yield _event("line", {"line": line})
        now = {"status": told.status, "progress": told.progress, "before": told.before}
        if now != before:
            before, still = now, 0.0
            yield _event("progress", now)
        if told.status in ENDED or desk.lane.stopping.is_set():
            yield _event("end", told.model_dump())
            return
        await asyncio.sleep(LOOK_SECONDS)
        still += LOOK_SECONDS
        if still >= STILL_SECONDS:
            still = 0.0
            yield ": still there\n\n"


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
