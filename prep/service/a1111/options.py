"""A1111's options, as this server has them: those of the interrogator work, others are kept and given back.

They belong to the process and are not written to the disk. The checkpoint is not among them: it is the desk's.
"""

import json
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prep.service.a1111.checkpoint import checkpoint
from prep.service.a1111.models import Share
from prep.web.refused import Refused

MOST_BYTES = 1_000_000  # of all options as JSON
OF_THE_DESK = ("sd_model_checkpoint", "sd_checkpoint_hash")


class Options(BaseModel):
    """With A1111's defaults."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    samples_format: str = "png"
    CLIP_stop_at_last_layers: int = 1  # noqa: N815 - A1111's name
    sd_vae: str = "Automatic"
    show_progress_every_n_steps: int = 10
    interrogate_return_ranks: bool = False
    interrogate_deepbooru_score_threshold: Share = 0.5
    deepbooru_sort_alpha: bool = True
    deepbooru_use_spaces: bool = True
    deepbooru_escape: bool = True
    deepbooru_filter_tags: str = Field("", max_length=100_000)


def options_of(request: Request) -> Options:
    state = request.app.state
    if not hasattr(state, "a1111_options"):
        state.a1111_options = Options()
    return state.a1111_options


def shown(request: Request) -> dict[str, Any]:
    """All of them, as GET /options answers."""
    used = checkpoint(request.app.state.desk)
    named = {"sd_model_checkpoint": used.title, "sd_checkpoint_hash": used.sha256} if used else {}
    return {**dict.fromkeys(OF_THE_DESK), **named, **options_of(request).model_dump()}


def change(request: Request, posted: dict[str, Any]) -> None:
    """Raises Refused for a checkpoint that is not the one in use and for what JSON cannot give back,
    RequestValidationError for a wrong type.
    """
    require_checkpoint(request, posted.get("sd_model_checkpoint"))
    given = {name: value for name, value in posted.items() if name not in OF_THE_DESK}
    given = {name: value for name, value in given.items() if value is not None or name not in Options.model_fields}
    try:
        changed = Options.model_validate({**options_of(request).model_dump(), **given})
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from None
    try:
        data = json.dumps(changed.model_dump(), allow_nan=False, ensure_ascii=False).encode()
    except ValueError as error:  # NaN, or half a surrogate pair
        raise Refused(
            422, f"the options cannot be written as JSON: {error}", "send numbers and texts that can"
        ) from None
    if len(data) > MOST_BYTES:
        raise Refused(413, f"all options together would be more than {MOST_BYTES:,} bytes", "send fewer")
    request.app.state.a1111_options = changed


def require_checkpoint(request: Request, name: Any) -> None:
    """name: as a client calls the model; null or empty: whichever is in use. Raises Refused for another one."""
    used = checkpoint(request.app.state.desk)
    if name in (None, "") or (used and used.is_called(name)):
        return
    drawing = f"it draws with {used.title}" if used else "it has no model to draw with"
    raise Refused(
        400,
        f"this server does not have the model {str(name)[:100]!r}: {drawing}",
        "leave the name out, or start prep serve with that model",
    )
