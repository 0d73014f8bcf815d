"""The routes of AUTOMATIC1111's HTTP API, for the clients that speak it. docs/SERVE.md says what is answered how."""

from fastapi import APIRouter

from prep.service.a1111 import draw, progress, read, small


def routes() -> APIRouter:
    """Needs `app.state.desk`, a prep.service.desk.Desk."""
    # Scripts post JSON without naming it, which A1111 accepts.
    router = APIRouter(tags=["AUTOMATIC1111"], strict_content_type=False)
    for part in (read, draw, progress, small):
        router.include_router(part.router)
    return router
