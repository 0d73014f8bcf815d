"""txt2img and img2img: a request becomes an order, and what is drawn becomes base64 and `info`."""

import asyncio
import base64
import json
import secrets

from fastapi import APIRouter, HTTPException, Request, Response

from prep.errors import ImageError
from prep.images import encode_png
from prep.service.a1111 import fit, samplers
from prep.service.a1111.checkpoint import checkpoint
from prep.service.a1111.info import Description
from prep.service.a1111.models import Image2Image, Text2Image
from prep.service.a1111.options import require_checkpoint
from prep.service.a1111.route import Route
from prep.service.a1111.sent import as_a1111_says, picture_bytes
from prep.service.a1111.syntax import plain
from prep.service.orders import MOST_SEED, Order, size_of
from prep.service.pictures import unreadable
from prep.service.waiting import while_connected
from prep.web.access import client_of
from prep.web.refused import Refused

MOST_STEPS = 150  # A1111's
MOST_GUIDANCE = 30.0
LEAST_STRENGTH = 0.01  # one step: A1111 accepts 0
RANDOM = -1  # a seed

router = APIRouter(route_class=Route)


@router.post("/sdapi/v1/txt2img")
async def txt2img(asked: Text2Image, request: Request) -> Response:
    return await _answer(asked, _order(asked, request), request)


@router.post("/sdapi/v1/img2img")
async def img2img(asked: Image2Image, request: Request) -> Response:
    if not asked.init_images:
        raise HTTPException(404, "Init image not found")
    order = _order(asked, request)
    size = size_of(request.app.state.desk.card, order["width"], order["height"])
    max_pixels = request.app.state.desk.settings.serve.max_pixels
    image = await picture_bytes(request, asked.init_images[0])
    mask = await picture_bytes(request, asked.mask) if asked.mask else None
    try:
        image = await asyncio.to_thread(fit.image, image, *size, asked.resize_mode, max_pixels)
        if mask:
            inverted = bool(asked.inpainting_mask_invert)
            mask = await asyncio.to_thread(fit.mask, mask, *size, asked.resize_mode, inverted, max_pixels)
    except ImageError as error:
        raise as_a1111_says(unreadable(error)) from None
    strength = max(asked.denoising_strength, LEAST_STRENGTH)
    more = {"image": image, "mask": mask, "mask_blur": asked.mask_blur, "strength": strength}
    return await _answer(asked, {**order, "manner": "img2img", **more}, request)


def _order(asked: Text2Image, request: Request) -> dict:
    """The fields of an Order that both routes have. Raises HTTPException, Refused."""
    desk = request.app.state.desk
    card = desk.require_card()
    if asked.script_name:
        raise HTTPException(422, f"Script '{asked.script_name[:100]}' not found")
    require_checkpoint(request, (asked.override_settings or {}).get("sd_model_checkpoint"))
    sampler = samplers.find(asked.sampler_name or asked.sampler_index, card.samplers)
    if sampler is None:
        raise HTTPException(404, "Sampler not found")
    count, most = asked.batch_size * asked.n_iter, desk.settings.serve.pictures
    if count > most:
        raise Refused(
            422,
            f"batch_size {asked.batch_size} x n_iter {asked.n_iter} are {count:,} pictures; at most {most} are drawn",
            "ask several times, or raise serve.pictures",
        )
    first = secrets.randbelow(MOST_SEED + 1) if asked.seed == RANDOM else asked.seed
    return {
        "prompt": plain(asked.prompt),
        "negative": plain(asked.negative_prompt),
        "width": asked.width,
        "height": asked.height,
        "steps": min(max(asked.steps, 1), MOST_STEPS),
        "guidance": min(max(asked.cfg_scale, 0.0), MOST_GUIDANCE),
        "sampler": sampler.own,
        "seeds": tuple((first + at) % (MOST_SEED + 1) for at in range(count)),
    }


async def _answer(asked: Text2Image, fields: dict, request: Request) -> Response:
    desk = request.app.state.desk
    order = Order(**fields)
    drawn = await while_connected(request, desk.draw(order, client_of(request)))
    described = Description(asked, order, drawn, checkpoint(desk))
    return Response(await asyncio.to_thread(_body, described), media_type="application/json")


def _body(described: Description) -> bytes:
    info = described.info
    texts = zip(described.drawn.pictures, info["infotexts"], strict=True)
    images = [_coded(encode_png(pixels, {"parameters": text})) for pixels, text in texts]
    found = {"images": images if described.asked.send_images else [], "parameters": described.parameters}
    return json.dumps({**found, "info": json.dumps(info)}).encode()


def _coded(data: bytes) -> str:
    return base64.b64encode(data).decode()
