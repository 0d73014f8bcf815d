"""How a refusal is answered: as A1111's clients know it, {"detail": ...}."""

from fastapi.responses import JSONResponse

from prep.web.refused import Refused


def refusal(error: Refused) -> JSONResponse:
    return JSONResponse({"detail": detail_of(error)}, error.status, error.headers)


def detail_of(error: Refused) -> str:
    """A1111's own words have no full stop, and its clients compare them."""
    return str(error) if error.hint else error.message
