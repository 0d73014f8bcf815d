"""What is told about drawn pictures: A1111's `info`, and the text in each PNG."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from prep.service.a1111 import infotext, samplers
from prep.service.a1111.checkpoint import Checkpoint
from prep.service.a1111.models import Image2Image, Text2Image
from prep.service.orders import Drawn, Order
from prep.types import Picture

MOST_IGNORED, LONGEST_NAME = 20, 60  # things that are named, and letters of a name


@dataclass(frozen=True)
class Description:
    """One request, what was ordered for it, and what came of it."""

    asked: Text2Image
    order: Order
    drawn: Drawn
    checkpoint: Checkpoint

    @property
    def extra(self) -> dict[str, str]:
        """extra_generation_params: what was drawn otherwise than asked, and what was ignored."""
        found = {}
        first = self.drawn.requests[0] if self.drawn.requests else None
        if first and (first.width, first.height) != (self.asked.width, self.asked.height):
            found["Asked size"] = f"{self.asked.width}x{self.asked.height}"
        if first and first.steps != self.asked.steps:
            found["Asked steps"] = str(self.asked.steps)
        if first and first.guidance != self.asked.cfg_scale:
            found["Asked CFG scale"] = f"{self.asked.cfg_scale:g}"
        name = self.asked.sampler_name or self.asked.sampler_index
        if first and not samplers.find(name, (first.sampler,)).exact:
            found["Asked sampler"] = name
        if ignored := _ignored(self.asked):
            found["Ignored"] = "; ".join(ignored)
        return found

    def infotext(self, request: Picture) -> str:
        masked = self.order.mask is not None
        return infotext.written(
            self.asked.prompt,
            self.asked.negative_prompt,
            {
                "Steps": request.steps,
                "Sampler": samplers.title(request.sampler),
                "CFG scale": float(request.guidance),
                "Seed": request.seed,
                "Size": f"{request.width}x{request.height}",
                "Model hash": self.checkpoint.hash or None,
                "Model": self.checkpoint.name,
                "Denoising strength": self.order.strength,
                "Mask blur": self.order.mask_blur if masked else None,
                **self.extra,
                "Version": _version(),
            },
        )

    @property
    def info(self) -> dict[str, Any]:
        """Every key that A1111's own has."""
        asked, requests = self.asked, self.drawn.requests
        seeds = [request.seed for request in requests] or list(self.order.seeds)
        drawn = _drawn(requests[0]) if requests else _ordered(self.order)
        return {
            "prompt": asked.prompt,
            "all_prompts": [asked.prompt] * len(seeds),
            "negative_prompt": asked.negative_prompt,
            "all_negative_prompts": [asked.negative_prompt] * len(seeds),
            "seed": seeds[0],
            "all_seeds": seeds,
            "subseed": asked.subseed,
            "all_subseeds": [asked.subseed] * len(seeds),
            "subseed_strength": 0,
            **drawn,
            "batch_size": asked.batch_size,
            "restore_faces": False,
            "face_restoration_model": None,
            "sd_model_name": self.checkpoint.name,
            "sd_model_hash": self.checkpoint.hash,
            "sd_vae_name": None,
            "sd_vae_hash": None,
            "seed_resize_from_w": -1,
            "seed_resize_from_h": -1,
            "denoising_strength": self.order.strength,
            "extra_generation_params": self.extra,
            "index_of_first_image": 0,
            "infotexts": [self.infotext(request) for request in requests],
            "styles": [],
            "job_timestamp": time.strftime("%Y%m%d%H%M%S"),
            "clip_skip": 1,
            "is_using_inpainting_conditioning": False,
            "version": _version(),
        }

    @property
    def parameters(self) -> dict[str, Any]:
        """The request, with its defaults. Images are not sent back unless asked for; what is no JSON is null: NaN."""
        found = self.asked.model_dump()
        if isinstance(self.asked, Image2Image) and not self.asked.include_init_images:
            found |= {"init_images": None, "mask": None}
        return json.loads(json.dumps(found), parse_constant=lambda _: None)


def _drawn(request: Picture) -> dict[str, Any]:
    return _shape(request.width, request.height, request.sampler, request.guidance, request.steps)


def _ordered(order: Order) -> dict[str, Any]:
    return _shape(order.width, order.height, order.sampler, order.guidance, order.steps)


def _shape(width: int, height: int, sampler: str, guidance: float, steps: int) -> dict[str, Any]:
    return {
        "width": width,
        "height": height,
        "sampler_name": samplers.title(sampler),
        "cfg_scale": guidance,
        "steps": steps,
    }


def _ignored(asked: Text2Image) -> list[str]:
    """What was asked for in earnest and changes nothing here."""
    wanted: Mapping[str, Any] = {
        "hires fix": asked.enable_hr,
        "face restoration": asked.restore_faces,
        "tiling": asked.tiling,
        "styles": asked.styles,
        "variation seed": asked.subseed_strength > 0,
        "further initial images": isinstance(asked, Image2Image) and len(asked.init_images or ()) > 1,
        **{name[:LONGEST_NAME]: True for name in sorted(asked.alwayson_scripts)},
    }
    return [name for name, value in wanted.items() if value][:MOST_IGNORED]


def _version() -> str:
    try:
        return f"prep {version('prep-lora')}"
    except PackageNotFoundError:
        return "prep"
