"""The body of a request: JSON with pictures in base64, or a form with pictures as files. Checked, and never more than
the limits allow.
"""

import asyncio
import json
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from prep.sections import Serve
from prep.service.pictures import check_bytes, check_picture, from_base64, numbered
from prep.web.refused import Refused

Model = TypeVar("Model", bound=BaseModel)
FORM = "multipart/form-data"
PICTURES = ("images", "image", "mask")  # fields that are pictures


async def body_of(request: Request, model: type[Model], limits: Serve) -> tuple[Model, dict[str, list[bytes]]]:
    """(the fields, field -> its pictures, each a file's bytes that begin like a picture). Raises Refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = kind == FORM
    values, pictures = await (_form if form else _json)(request, limits)
    given = {name: [""] * len(found) if name == "images" else "" for name, found in pictures.items()}
    try:
        checked = model.model_validate({**values, **given}, strict=not form)  # a form has texts alone
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise Refused(422, f"{where}: {first['msg'][:200]}", "see /docs") from None
    except RecursionError:
        raise Refused(422, "the body is nested too deeply", "see /docs") from None
    for found in pictures.values():
        for number, data in enumerate(found, 1):
            try:
                await asyncio.to_thread(check_picture, data, limits.max_pixels)
            except Refused as error:
                raise numbered(error, number, len(found)) from None
    return checked, pictures


async def _json(request: Request, limits: Serve) -> tuple[dict[str, Any], dict[str, list[bytes]]]:
    try:
        values = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not JSON", "send JSON, or a form (multipart/form-data)") from None
    if not isinstance(values, dict):
        raise Refused(422, "the body is not a JSON object", "see /docs")
    found: dict[str, list[bytes]] = {}
    for name in PICTURES:
        given = values.get(name)
        if given is None:
            continue
        texts = given if isinstance(given, list) and name == "images" else [given]
        if not all(isinstance(text, str) for text in texts):
            raise Refused(422, f"{name}: a picture is text in base64", "see /docs")
        if len(texts) > limits.pictures:
            raise Refused(422, f"{len(texts):,} pictures; at most {limits.pictures:,} are taken", "send fewer")
        found[name] = [await asyncio.to_thread(from_base64, text, limits.picture_mb * 10**6) for text in texts]
    return values, found


async def _form(request: Request, limits: Serve) -> tuple[dict[str, Any], dict[str, list[bytes]]]:
    try:
        async with request.form(max_files=limits.pictures + 1, max_fields=64) as form:
            return await _fields(form, limits)
    except HTTPException as error:
        if error.status_code != 400:  # too large, or too slow
            raise
        raise Refused(400, f"the form cannot be read: {error.detail}", "send each picture as a file") from None


async def _fields(form: FormData, limits: Serve) -> tuple[dict[str, Any], dict[str, list[bytes]]]:
    values: dict[str, Any] = {}
    found: dict[str, list[bytes]] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name not in PICTURES:
                raise Refused(422, f"{name[:40]!r} is no field for a file", f"use one of {', '.join(PICTURES)}")
            found.setdefault(name, []).append(check_bytes(await value.read(), limits.picture_mb * 10**6))
        elif name in PICTURES:
            found.setdefault(name, []).append(await asyncio.to_thread(from_base64, value, limits.picture_mb * 10**6))
        else:
            values[name] = value
    if doubled := [name for name, each in found.items() if name != "images" and len(each) > 1]:
        raise Refused(422, f"{doubled[0]} is there {len(found[doubled[0]])} times", "send one")
    return values, found
