"""/v1: pictures in, tags, prompts and new pictures out."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse

from prep.service import openapi
from prep.service.body import body_of
from prep.service.captions import STYLES, caption_of, changed, tags_of
from prep.service.desk import Desk
from prep.service.fields import (
    DatasetBody,
    DrawBody,
    GeneratorCard,
    JobAnswer,
    LoopBody,
    ModelsAnswer,
    ReadAnswer,
    ReadBody,
    TaggerCard,
)  # fmt: skip
from prep.service.orders import MOST_SEED, Order
from prep.service.pictures import check_decodes, check_picture
from prep.service.store import ENDED, Job
from prep.service.waiting import while_connected
from prep.web.access import client_of
from prep.web.refused import Refused

LOOK_SECONDS = 0.2  # between two looks at a job
MOST_JOBS = 100  # in a list
STILL_SECONDS = 15.0  # after which an event stream says that it is alive


def routes() -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["v1"])
    add, body, refusals = router.add_api_route, openapi.body, openapi.refusals
    sent, found = refusals(openapi.OF_BODIES), refusals(openapi.MISSING)
    add("/read", read, methods=["POST"], response_model=ReadAnswer, summary="Tags and captions of pictures",
        responses=sent, openapi_extra=body(ReadBody, openapi.READ))  # fmt: skip
    accepted = {
        200: {"model": JobAnswer, "description": "It has ended, and was waited for"},
        202: {"description": "Accepted. Its address is in Location", "headers": openapi.LOCATION},
    }
    job_of: dict[str, Any] = {"methods": ["POST"], "response_model": JobAnswer, "status_code": 202}
    add("/draw", draw, summary="New pictures from words or a picture", responses=accepted | sent,
        openapi_extra=body(DrawBody, openapi.DRAW), **job_of)  # fmt: skip
    add("/loop", loop, summary="A picture's tags, prompts and new pictures, each with its check",
        responses=accepted | sent, openapi_extra=body(LoopBody, openapi.LOOP), **job_of)  # fmt: skip
    add("/datasets", datasets, summary="A training set from a folder",
        responses={202: accepted[202]} | refusals(openapi.OF_BODIES, openapi.MISSING),
        openapi_extra=body(DatasetBody, openapi.DATASET), **job_of)  # fmt: skip
    own: dict[str, Any] = {"response_model": JobAnswer, "responses": found}
    add("/jobs", jobs, methods=["GET"], summary="Your jobs, the newest first", response_model=list[JobAnswer],
        responses=refusals())  # fmt: skip
    add("/jobs/{id}", job, methods=["GET"], summary="How far a job is, and its result", **own)
    add("/jobs/{id}", cancel, methods=["DELETE"], summary="Cancel a job", **own)
    add("/jobs/{id}/events", events, methods=["GET"], response_class=StreamingResponse,
        summary="A job's progress as server-sent events, until it ends",
        responses={200: {"content": {"text/event-stream": {"schema": openapi.EVENT}}}} | found)  # fmt: skip
    add("/jobs/{id}/{file:path}", picture, methods=["GET"], response_class=FileResponse,
        summary="A picture or page of a job's result",
        responses={200: {"content": {"image/png": {"schema": openapi.FILE}, "text/plain": {}}}} | found)  # fmt: skip
    add("/models", models, methods=["GET"], response_model=ModelsAnswer, summary="What reads and draws here",
        responses=refusals())  # fmt: skip
    return router


async def read(request: Request) -> Response:
    """Written by itself, and not field by field as a model: a picture has hundreds of scores."""
    desk: Desk = request.app.state.desk
    body, pictures = await body_of(request, ReadBody, desk.settings.serve)
    found = await while_connected(request, desk.read(pictures.get("images", []), client_of(request)))

    def written() -> bytes:
        composer = desk.reading.composer
        asked = body.style, body.trigger, body.threshold, body.scores
        pictures = [caption_of(composer, each, *asked) for each in found]
        answer = {"tagger": desk.tagger.name, "trial": desk.trial, "pictures": pictures}
        return json.dumps(answer, separators=(",", ":")).encode()

    return Response(await asyncio.to_thread(written), media_type="application/json")


async def draw(request: Request) -> JSONResponse:
    desk: Desk = request.app.state.desk
    body, pictures = await body_of(request, DrawBody, desk.settings.serve)
    order = await _order(request, desk, body, pictures)
    desk.check(order)
    accepted = await asyncio.to_thread(desk.jobs.add_order, order, client_of(request))
    return await _answered(request, desk, accepted, body.wait)


async def loop(request: Request) -> JSONResponse:
    desk: Desk = request.app.state.desk
    body, pictures = await body_of(request, LoopBody, desk.settings.serve)
    desk.require_card()
    await asyncio.to_thread(check_decodes, pictures["image"][0], desk.settings.serve.max_pixels)
    asked = pictures["image"][0], body.character, body.count
    accepted = await asyncio.to_thread(desk.jobs.add_loop, *asked, client_of(request))
    return await _answered(request, desk, accepted, body.wait)


async def datasets(request: Request) -> JSONResponse:
    desk: Desk = request.app.state.desk
    body, _ = await body_of(request, DatasetBody, desk.settings.serve)
    accepted = await asyncio.to_thread(desk.jobs.add_dataset, body.source, body.name, client_of(request))
    return await _answered(request, desk, accepted, False)


async def jobs(request: Request) -> list[JobAnswer]:
    desk: Desk = request.app.state.desk
    return [job_answer(desk, each) for each in desk.jobs.of(client_of(request), MOST_JOBS)]


async def job(request: Request, id: str) -> JobAnswer:  # noqa: A002 - the name in the address
    return job_answer(request.app.state.desk, request.app.state.desk.jobs.get(id))


async def cancel(request: Request, id: str) -> JobAnswer:  # noqa: A002
    desk: Desk = request.app.state.desk
    return job_answer(desk, desk.jobs.cancel(id))


async def picture(request: Request, id: str, file: str) -> FileResponse:  # noqa: A002
    path = request.app.state.desk.jobs.file(id, file)
    return FileResponse(path, media_type="image/png" if path.suffix == ".png" else "text/plain")


async def events(request: Request, id: str) -> StreamingResponse:  # noqa: A002
    desk: Desk = request.app.state.desk
    desk.jobs.get(id)
    return StreamingResponse(_events(desk, id), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def models(request: Request) -> ModelsAnswer:
    desk: Desk = request.app.state.desk
    tagger = TaggerCard(name=desk.tagger.name, digest=desk.tagger.digest, tags=len(desk.reading.vocabulary.names))
    return ModelsAnswer(
        tagger=tagger, generator=_generator(desk), styles=list(STYLES), trial=desk.trial,
        why_not_drawing=desk.why_not_drawing,
    )  # fmt: skip


def _generator(desk: Desk) -> GeneratorCard | None:
    if (card := desk.card) is None:
        return None
    width, height = card.size(1, 1)
    return GeneratorCard(
        name=card.name, precision=card.precision, samplers=list(card.samplers), steps=card.steps,
        guidance=card.guidance, width=width, height=height, edits=card.editing is not None, quality=card.quality,
        negative=card.negative,
    )  # fmt: skip


async def _order(request: Request, desk: Desk, body: DrawBody, pictures: dict[str, list[bytes]]) -> Order:
    """Raises Refused."""
    card, settings = desk.require_card(), desk.settings
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
    tags: list[str] = []
    if image is not None and manner != "composite" and (not body.prompt or manner == "edit" and not body.source):
        tags = tags_of(
            desk.reading.composer, (await while_connected(request, desk.read([image], client_of(request))))[0]
        )
    quality = card.quality if settings.generator.quality == "auto" else settings.generator.quality
    prompt = body.prompt or ", ".join(filter(None, (quality, *tags)))
    if manner == "edit" and body.prompt and tags:
        prompt = changed(tags, body.prompt, settings)
    negative = card.negative if settings.generator.negative == "auto" else settings.generator.negative
    guidance, strength, source_guidance = body.guidance, body.strength, 0.0
    if manner == "edit" and card.editing:
        editing = card.editing
        guidance = editing.target if guidance is None else guidance
        strength, source_guidance = strength or editing.strength, editing.source
    width, height = card.size(1, 1)
    if image:
        width, height = await asyncio.to_thread(check_picture, image, settings.serve.max_pixels)
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
        source=body.source or ", ".join(tags) if manner == "edit" else "",
        source_guidance=source_guidance,
    )


async def _answered(request: Request, desk: Desk, accepted: Job, wait: bool) -> JSONResponse:
    """202 with the job; 200 once it is done, if it is waited for."""
    if not wait:
        return JSONResponse(job_answer(desk, accepted).model_dump(), 202, {"Location": f"/v1/jobs/{accepted.id}"})

    async def ended() -> None:
        while desk.jobs.get(accepted.id).state not in ENDED and not desk.lane.stopping.is_set():
            await asyncio.sleep(LOOK_SECONDS)

    try:
        await while_connected(request, ended())
    except Refused:
        desk.jobs.cancel(accepted.id)
        raise
    answer = job_answer(desk, desk.jobs.get(accepted.id))
    if answer.error:
        raise Refused(422, answer.error.message, answer.error.hint)
    return JSONResponse(answer.model_dump(), 200 if answer.status in ENDED else 202)


def job_answer(desk: Desk, found: Job) -> JobAnswer:
    id_ = found.id
    progress, before, work = desk.jobs.progress(id_)
    result = dict(found.result) if found.result else None
    for name in {"pictures", "files"} & {*(result or ())}:
        result[name] = [{**each, "url": f"/v1/jobs/{id_}/{quote(each['file'])}"} for each in result[name]]
    return JobAnswer(
        id=id_, kind=found.kind, status=found.state, before=before,
        progress=1.0 if found.state == "done" else round(progress.share, 4) if progress.pictures else None,
        line=work.lines[-1][1] if work and work.lines else "",
        created=found.created, began=found.began, ended=found.ended, result=result, error=found.error, trial=desk.trial,
    )  # fmt: skip


async def _events(desk: Desk, id_: str) -> AsyncIterator[str]:
    """`progress` when it changes, `line` for each line that it says, and its state at the end."""
    said, before, still, work = 0, None, 0.0, None
    while True:
        answer = job_answer(desk, desk.jobs.get(id_))
        work = desk.jobs.progress(id_)[2] or work
        for number, line in list(work.lines) if work else []:
            if number > said:
                said = number
                yield _event("line", {"line": line})
        now = {"status": answer.status, "progress": answer.progress, "before": answer.before}
        if now != before:
            before, still = now, 0.0
            yield _event("progress", now)
        if answer.status in ENDED or desk.lane.stopping.is_set():
            yield _event("end", answer.model_dump())
            return
        await asyncio.sleep(LOOK_SECONDS)
        still += LOOK_SECONDS
        if still >= STILL_SECONDS:
            still = 0.0
            yield ": still there\n\n"


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
