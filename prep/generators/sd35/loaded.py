"""An SD3.5 in memory: its transformer in both pipelines, and its VAE, drawing one batch at a time."""

import contextlib
from collections.abc import Mapping

import numpy as np
import torch
from diffusers import SD3Transformer2DModel, StableDiffusion3Img2ImgPipeline, StableDiffusion3Pipeline

from prep.errors import StoppedError
from prep.generators.sd35.adaln import AdalnCache
from prep.generators.sd35.batches import alike_key
from prep.generators.sd35.card import SD35Card
from prep.generators.sd35.pixels import Pixels
from prep.generators.sd35.prompts_cache import PromptsCache
from prep.generators.sd35.rows import ByPicture
from prep.generators.sd35.schedulers import scheduler
from prep.images import covering
from prep.types import Picture


class Loaded:
    """Owns its weights: releasing it releases them."""

    def __init__(
        self,
        card: SD35Card,
        model: SD3Transformer2DModel,
        pixels: Pixels,
        dtype: torch.dtype,
        on_the_device: contextlib.AbstractContextManager,
        cache: AdalnCache | None,
        by_picture: ByPicture | None,
    ) -> None:
        """Make both pipelines from one transformer.

        on_the_device: within it, the transformer can draw; see visiting.py. by_picture: on a CPU, see rows.py.
        """
        self.card, self.family = card, card.family
        self.pixels = pixels
        self.device, self.dtype = pixels.device, dtype
        self.on_the_device = on_the_device
        self.cache, self.cached_for = cache, ()
        self.by_picture = by_picture
        self.pipeline = pipeline_of(self.family.shift, model, pixels.vae, self.device)
        self.from_picture = FromPicture(**self.pipeline.components)
        self.from_picture.draws_on = self.device
        self.from_picture.set_progress_bar_config(disable=True)

    @torch.inference_mode()
    def draw(self, part: list[Picture], parents: Mapping[str, np.ndarray], prompts: PromptsCache) -> np.ndarray:
        """One batch of pictures that are `alike` -> uint8 [B, height, width, 3]."""
        first = part[0]
        guided = first.guidance > 1
        generators = [torch.Generator("cpu").manual_seed(picture.seed) for picture in part]
        steps = scheduler(first.sampler, self.family.shift, generators)
        pipeline = self.pipeline if first.strength is None else self.from_picture
        pipeline.scheduler = steps
        hidden, pooled = self._encoded(prompts, [picture.prompt for picture in part])
        given = dict(prompt_embeds=hidden, pooled_prompt_embeds=pooled)
        if guided:
            hidden, pooled = self._encoded(prompts, [picture.negative for picture in part])
            given |= dict(negative_prompt_embeds=hidden, negative_pooled_prompt_embeds=pooled)
        if first.strength is not None:
            pictures = np.stack([covering(parents[picture.parent], first.width, first.height) for picture in part])
            given |= dict(image=self.pixels.encode(pictures, generators), strength=first.strength)
        elif guided and self.family.skip_layers:
            family = self.family
            given |= dict(
                skip_guidance_layers=list(family.skip_layers),
                skip_layer_guidance_scale=family.skip_scale,
                skip_layer_guidance_start=family.skip_start,
                skip_layer_guidance_stop=family.skip_stop,
            )
        if self.cache is not None:
            self._fill_cache(pipeline, first, given)
        if self.by_picture:
            self.by_picture.pictures = len(part)
        with self.on_the_device:
            latents = pipeline(
                width=first.width,
                height=first.height,
                num_inference_steps=first.steps,
                guidance_scale=first.guidance,
                generator=generators,
                output_type="latent",
                **given,
            ).images
        del given, hidden, pooled
        if not latents.isfinite().all():
            raise StoppedError(
                f"{self.card.name} drew numbers that are not finite, in {self.card.precision}",
                hint="try `generator.sd35.quantise` = none, or another file",
            )
        return self.pixels.decode(latents)

    def _encoded(self, prompts: PromptsCache, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """(hidden [B, tokens, width], pooled [B, width]) in the compute dtype, on the drawing device."""
        found = {text: prompts.read(text) for text in dict.fromkeys(texts)}
        if lost := [text for text in found if found[text] is None]:
            raise StoppedError(f"the encoded prompt {lost[0][:60]!r} was removed while drawing", hint="run again")
        rows = [found[text] for text in texts]
        like = dict(device=self.device, dtype=self.dtype)
        return torch.cat([row.hidden for row in rows]).to(**like), torch.cat([row.pooled for row in rows]).to(**like)

    def _fill_cache(self, pipeline, first: Picture, given: dict) -> None:
        """Fill the adaLN cache for this batch's steps and prompts, unless the last batch had the same."""
        key = (len(given["pooled_prompt_embeds"]), *alike_key(first, by_prompt=True))
        if key == self.cached_for:
            return
        pipeline.scheduler.set_timesteps(first.steps, device=self.device)
        times = pipeline.scheduler.timesteps
        if first.strength is not None:
            times = pipeline.get_timesteps(first.steps, first.strength, self.device)[0]
        pooled = given["pooled_prompt_embeds"]
        both = [pooled, given["negative_pooled_prompt_embeds"]] if first.guidance > 1 else [pooled]
        if self.by_picture:  # all of which have the same prompts
            both = [rows[:1] for rows in both]
        asked = [torch.cat(both[::-1]), both[0]] if self.family.skip_layers else [torch.cat(both[::-1])]
        self.cached_for = ()
        self.cache.prepare(times.unique(), *asked)
        self.cached_for = key


class FromText(StableDiffusion3Pipeline):
    draws_on: torch.device  # its weights may be elsewhere

    @property
    def _execution_device(self) -> torch.device:
        return self.draws_on


class FromPicture(StableDiffusion3Img2ImgPipeline):
    draws_on: torch.device

    @property
    def _execution_device(self) -> torch.device:
        return self.draws_on


def pipeline_of(shift: float, transformer, vae, device: torch.device) -> FromText:
    made = FromText(
        transformer=transformer,
        scheduler=scheduler("euler", shift),
        vae=vae,
        text_encoder=None,
        text_encoder_2=None,
        text_encoder_3=None,
        tokenizer=None,
        tokenizer_2=None,
        tokenizer_3=None,
    )
    made.draws_on = device
    made.set_progress_bar_config(disable=True)
    return made
