"""An SD3.5 in memory: its transformer and VAE in both pipelines, drawing one batch at a time."""

from collections.abc import Mapping

import numpy as np
import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel, StableDiffusion3Img2ImgPipeline, StableDiffusion3Pipeline
from diffusers.hooks import apply_group_offloading

from prep.errors import StoppedError
from prep.generators.sd35.adaln import AdalnCache
from prep.generators.sd35.batches import alike_key
from prep.generators.sd35.card import SD35Card
from prep.generators.sd35.memory import Level
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
        vae: AutoencoderKL,
        level: Level,
        device: torch.device,
        dtype: torch.dtype,
        cache: AdalnCache | None,
        by_picture: ByPicture | None,
    ) -> None:
        """Make both pipelines from one transformer and one VAE, at the memory level that was reached.

        by_picture: on a CPU, see rows.py.
        """
        self.card, self.family = card, card.family
        self.device, self.dtype = device, dtype
        self.offload = level.offload
        self.cache, self.cached_for = cache, ()
        self.by_picture = by_picture
        if level.tiling:
            vae.enable_tiling()
        if level.offload == "group":
            apply_group_offloading(
                model, device, torch.device("cpu"), "leaf_level", use_stream=True, low_cpu_mem_usage=True
            )
            vae.to(device)
        self.pipeline = pipeline_of(self.family.shift, model, vae)
        self.from_picture = StableDiffusion3Img2ImgPipeline(**self.pipeline.components)
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
        if self.offload == "model":
            pipeline.enable_model_cpu_offload(device=self.device)
        hidden, pooled = self._encoded(prompts, [picture.prompt for picture in part])
        given = dict(prompt_embeds=hidden, pooled_prompt_embeds=pooled)
        if guided:
            hidden, pooled = self._encoded(prompts, [picture.negative for picture in part])
            given |= dict(negative_prompt_embeds=hidden, negative_pooled_prompt_embeds=pooled)
        if first.strength is not None:
            pictures = np.stack([covering(parents[picture.parent], first.width, first.height) for picture in part])
            pictures = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
            given |= dict(image=pictures, strength=first.strength)
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
        latents = pipeline(
            width=first.width,
            height=first.height,
            num_inference_steps=first.steps,
            guidance_scale=first.guidance,
            generator=generators,
            output_type="latent",
            **given,
        ).images
        return self._pixels(latents)

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

    def _pixels(self, latents: torch.Tensor) -> np.ndarray:
        """latents: [B, C, h, w] -> uint8 [B, 8h, 8w, 3]. Rounded from float32: bfloat16 has no 256 steps near 1."""
        if not latents.isfinite().all():
            raise StoppedError(
                f"{self.card.name} drew numbers that are not finite, in {self.card.precision}",
                hint="try `generator.sd35.quantise` = none, or another file",
            )
        vae = self.pipeline.vae
        latents = latents / vae.config.scaling_factor + vae.config.shift_factor
        pictures = vae.decode(latents, return_dict=False)[0].float()
        pictures = ((pictures / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        return pictures.permute(0, 2, 3, 1).cpu().numpy()


def pipeline_of(shift: float, transformer, vae, encoders=(), tokenizers=()) -> StableDiffusion3Pipeline:
    """encoders, tokenizers: CLIP-L's, CLIP-G's and T5's, or none of them."""
    first, second, third = (*encoders, None, None, None)[:3]
    made = StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=scheduler("euler", shift),
        vae=vae,
        text_encoder=first,
        text_encoder_2=second,
        text_encoder_3=third,
        **dict(zip(("tokenizer", "tokenizer_2", "tokenizer_3"), (*tokenizers, None, None, None), strict=False)),
    )
    made.set_progress_bar_config(disable=True)
    return made
