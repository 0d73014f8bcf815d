"""The routes that the page asks. Errors are {"detail": a sentence}; 409: the page is stale."""

import hashlib
import logging
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from prep.errors import PrepError, StoppedError
from prep.review.asked import Edit, Rows, Threshold, Trait
from prep.review.buckets import bucket_of, buckets_of
from prep.review.gate import Gate
from prep.review.problems import problems_of
from prep.review.proposals import accept_threshold, proposals_of
from prep.review.session import Session
from prep.review.steering import flip_trait, traits_of
from prep.web.answers import refusal
from prep.web.refused import Refused

log = logging.getLogger(__name__)
PAGE = Path(__file__).parent / "page"
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
MOST_COMPLETIONS = 100


def app_of(session: Session, token: str) -> Gate:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(PrepError, _failed)
    app.add_exception_handler(RequestValidationError, _wrong)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(Exception, _unexpected)
    app.include_router(_page())
    app.include_router(_reads(session))
    app.include_router(_changes(session))
    return Gate(app, token)


def _page() -> APIRouter:
    files = {path.name: path for path in PAGE.iterdir() if path.suffix in KINDS}
    router = APIRouter()

    def file(name: str) -> Response:
        if (path := files.get(name)) is None:
            raise Refused(404, f"the page has no {name[:100]!r}", "load the page again")
        kind = f"{KINDS[path.suffix]}; charset=utf-8"
        return Response(path.read_bytes(), media_type=kind, headers={"Cache-Control": "no-cache"})

    router.add_api_route("/", lambda: file("index.html"))
    router.add_api_route("/page/{name}", file)
    return router


def _reads(session: Session) -> APIRouter:
    """What changes nothing."""
    router = APIRouter()
    board = session.board

    @router.get("/api/list")
    def listed(filter: str = "", sort: str = "") -> dict[str, Any]:  # noqa: A002
        return session.listed(filter, sort)

    @router.post("/api/rows")
    def rows(sent: Rows) -> dict[str, Any]:
        with board.lock:
            found = [board.by_id[each].row() for each in sent.ids if each in board.by_id]
            return {"version": board.version, "rows": found}

    def picture(id_: str) -> dict[str, Any]:
        return session.detail(id_) | {"bucket": bucket_of(session, board.item(id_))}

    @router.get("/thumb/{id_}")
    def thumb(id_: str, request: Request) -> Response:
        item = board.item(id_)
        tag = f'"{hashlib.sha256(session.pictures.key(item).encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "private, max-age=5"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(session.pictures.thumbnail(item), media_type="image/webp", headers=headers)

    @router.get("/image/{id_}")
    def image(id_: str) -> Response:
        data, kind = session.pictures.whole(board.item(id_))
        return Response(data, media_type=kind, headers={"Cache-Control": "private, max-age=60"})

    router.add_api_route("/api/set", session.about)
    router.add_api_route("/api/picture/{id_}", picture)
    router.add_api_route("/api/tags", lambda filter="": session.tags(filter), response_model=None)
    router.add_api_route("/api/history", session.history)
    router.add_api_route("/api/traits", lambda: traits_of(session), response_model=None)
    router.add_api_route("/api/thresholds", lambda: proposals_of(session), response_model=None)
    router.add_api_route("/api/buckets", lambda: buckets_of(session), response_model=None)
    router.add_api_route("/api/problems", lambda: problems_of(session.out, board), response_model=None)

    @router.get("/api/complete")
    def complete(q: str = "", limit: int = 20) -> dict[str, Any]:
        return session.complete(q, max(1, min(limit, MOST_COMPLETIONS)))

    @router.get("/api/changes")
    def changes(since: int = 0) -> dict[str, Any]:
        return session.changes(since)

    return router


def _changes(session: Session) -> APIRouter:
    router = APIRouter()

    @router.post("/api/edit")
    def edit(sent: Edit) -> dict[str, Any]:
        items = sent.items(session.board)
        action = sent.action(items)
        if sent.op == "caption" and (sent.dry or sent.expect is not None):
            raise Refused(422, "a caption has no preview", "send it without dry and expect")
        if sent.dry or sent.expect is not None:
            found = session.preview(action, items)
            if sent.dry:
                return found
            if found["count"] != sent.expect:
                raise Refused(
                    409,
                    f"the set has changed: this would change {found['count']:,} pictures by now, not {sent.expect:,}",
                    "look at the preview again",
                )
        return session.act(action)

    @router.post("/api/undo")
    def undo() -> dict[str, Any]:
        return _stepped(session, "undo")

    @router.post("/api/redo")
    def redo() -> dict[str, Any]:
        return _stepped(session, "redo")

    @router.post("/api/traits")
    def trait(sent: Trait) -> dict[str, Any]:
        return flip_trait(session, sent)

    @router.post("/api/thresholds")
    def threshold(sent: Threshold) -> dict[str, Any]:
        return accept_threshold(session, sent)

    return router


def _stepped(session: Session, verb: str) -> dict[str, Any]:
    found = session.act({"do": verb})
    if found.pop("nothing", False):
        raise Refused(409, f"there is nothing to {verb}")
    return found


async def _refused(request: Request, error: Refused) -> JSONResponse:
    return refusal(error)


async def _failed(request: Request, error: PrepError) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 503 if isinstance(error, StoppedError) else 400)


async def _wrong(request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"][1:])) or "what was sent"
    return JSONResponse({"detail": f"{where[:100]}: {first['msg'][:200]}. Load the page again."}, 422)


async def _no_route(request: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse(
        {"detail": f"{request.url.path[:100]}: {error.detail}. Load the page again."}, error.status_code
    )


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return JSONResponse({"detail": f"prep failed: {type(error).__name__}. The terminal says more."}, 500)
