"""What /docs says besides the fields: how a body may be sent, examples that work as they stand, and each refusal."""

from typing import Any

from pydantic import BaseModel

from prep.service.body import FORM, PICTURES
from prep.service.fields import PNG, ErrorAnswer

FILE = {"type": "string", "format": "binary"}
EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["progress", "line", "end"]},
        "data": {"type": "string", "description": "JSON: status, progress, before; a line; or the whole job"},
    },
    "required": ["event", "data"],
}
RETRY = {"Retry-After": {"description": "seconds after which it is worth trying again", "schema": {"type": "integer"}}}
LOCATION = {"Location": {"description": "the job's address", "schema": {"type": "string"}}}
ALL = {  # of every route but /health
    401: "No password, or a wrong one",
    403: "Asked by a web page of another origin, or for a folder that is not open",
    421: "Reached under a name that is not in serve.hosts",
    503: "The server is stopping, is full, or has no model for this",
}
OF_BODIES = {
    400: "The body is neither JSON nor a form",
    408: "The body did not arrive in time",
    413: "A picture, or the whole request, is too large",
    422: "A field is wrong, or a picture cannot be read",
    429: "Too many requests wait",
}
MISSING = {404: "There is no such job, picture or folder", 422: OF_BODIES[422]}

ONE_PICTURE = {"image": PNG}
READ = {
    "tags": ("Tags", {"images": [PNG]}),
    "sentence": ("A sentence with a trigger word", {"images": [PNG], "style": "sentence", "trigger": "sylvie"}),
    "threshold": ("One threshold for all tags", {"images": [PNG, PNG], "threshold": 0.4}),
}
DRAW = {
    "text": ("From words", {"prompt": "1girl, orange hair, smile", "seed": 7, "count": 2}),
    "img2img": ("From a picture", {**ONE_PICTURE, "strength": 0.6}),
    "mask": ("A part of a picture", {**ONE_PICTURE, "mask": PNG, "prompt": "1girl, closed eyes", "strength": 0.8}),
    "edit": ("An edit, which keeps the rest", {**ONE_PICTURE, "manner": "edit", "prompt": "1girl, closed eyes"}),
    "composite": ("A figure before a scene", {**ONE_PICTURE, "manner": "composite", "prompt": "classroom"}),
}
LOOP = {"loop": ("Two variations, each checked", {**ONE_PICTURE, "character": "sylvie", "count": 2})}
DATASET = {"dataset": ("A set", {"source": "characters", "name": "my set"})}


def refusals(*groups: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    """Of a route: those of ALL, and of these groups."""
    found: dict[int | str, dict[str, Any]] = {}
    for code, text in sorted({**ALL, **{code: text for group in groups for code, text in group.items()}}.items()):
        found[code] = {"model": ErrorAnswer, "description": text, **({"headers": RETRY} if code in (429, 503) else {})}
    return found


def body(model: type[BaseModel], examples: dict[str, tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """openapi_extra of a route that reads its body with body_of: JSON, or a form whose pictures are files."""
    schema = model.model_json_schema()
    fields = schema["properties"]
    files = {name: _as_files(name, fields[name]) for name in PICTURES if name in fields}
    shown = {name: {"summary": summary, "value": value} for name, (summary, value) in examples.items()}
    content = {
        "application/json": {"schema": schema, "examples": shown},
        FORM: {"schema": {**schema, "properties": {**fields, **files}}},
    }
    return {"requestBody": {"required": True, "content": content}}


def _as_files(name: str, field: dict[str, Any]) -> dict[str, Any]:
    words = {each: field[each] for each in ("title", "description") if each in field}
    return {**words, **({"type": "array", "items": FILE, "minItems": 1} if name == "images" else FILE)}
