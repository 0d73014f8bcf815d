"""The application: routes, what holds for all of them, and how an error is told."""

import logging
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException

from prep.errors import PrepError, StoppedError
from prep.service import a1111, v1
from prep.service.desk import Desk
from prep.service.limits import Limits
from prep.service.metrics import Metrics
from prep.service.openapi import refusals
from prep.web.access import Access
from prep.web.answers import refusal
from prep.web.refused import Refused, without_folders

log = logging.getLogger(__name__)
ABOUT = "Reads anime art, writes captions and prompts, draws new pictures, and judges them. docs/SERVE.md has examples."


def app_of(desk: Desk, access: Access) -> FastAPI:
    app = FastAPI(title="prep", version=version("prep-lora"), description=ABOUT, redoc_url=None)
    app.state.desk, app.state.metrics = desk, Metrics()
    app.add_middleware(Limits, access=access, serve=desk.settings.serve, metrics=app.state.metrics)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(PrepError, _failed)
    app.add_exception_handler(405, _not_allowed)
    app.add_exception_handler(Exception, _unexpected)
    app.include_router(v1.routes())
    app.include_router(a1111.routes(), tags=["AUTOMATIC1111"], responses=refusals())
    app.add_api_route("/", lambda: RedirectResponse("/docs"), include_in_schema=False)
    plain: dict[str, Any] = {"methods": ["GET"], "response_class": PlainTextResponse, "tags": ["server"]}
    stopping = {503: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
    full = {503: refusals()[503]}
    app.add_api_route("/health", health, summary="Whether the server runs", responses=full, **plain)
    app.add_api_route("/ready", ready, summary="Whether it takes work",
                      responses=refusals() | {503: full[503] | stopping[503]}, **plain)  # fmt: skip
    app.add_api_route("/metrics", metrics, summary="Counts, in Prometheus' text form", responses=refusals(), **plain)
    return app


async def health() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


async def ready(request: Request) -> PlainTextResponse:
    desk: Desk = request.app.state.desk
    stopped = desk.lane.stopping.is_set()
    return PlainTextResponse("stopping\n" if stopped else "ready\n", 503 if stopped else 200)


async def metrics(request: Request) -> PlainTextResponse:
    text = request.app.state.metrics.text(request.app.state.desk)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")


async def _refused(request: Request, error: Refused) -> JSONResponse:
    return refusal(error)


async def _failed(request: Request, error: PrepError) -> JSONResponse:
    return JSONResponse({"detail": without_folders(str(error))}, 503 if isinstance(error, StoppedError) else 422)


async def _not_allowed(request: Request, error: HTTPException) -> JSONResponse:
    """Starlette names the methods of the first route that has this address; here all of them are."""
    path = getattr(request.scope.get("route"), "path_format", "")
    methods = [method.upper() for method in request.app.openapi()["paths"].get(path, ())]
    headers = {"Allow": ", ".join(sorted(methods))} if methods else error.headers
    return JSONResponse({"detail": error.detail}, 405, headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return JSONResponse({"detail": f"prep failed: {type(error).__name__}. The server's output says more."}, 500)
