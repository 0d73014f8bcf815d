"""An SD3.5 in memory: its transformer in both pipelines, and its VAE, drawing one batch at a time."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from diffusers import SD3Transformer2DModel, StableDiffusion3Img2ImgPipeline, StableDiffusion3Pipeline

from prep.errors import StoppedError
from prep.generators.sd35.adaln import AdalnCache
from prep.generators.sd35.batches import alike_key, prompt_of, source_of
from prep.generators.sd35.card import SD35Card
from prep.generators.sd35.editing import Flow, Prompts, edited, flows, schedule
from prep.generators.sd35.pixels import Pixels
from prep.generators.sd35.prompts_cache import PromptsCache
from prep.generators.sd35.rows import ByPicture
from prep.generators.sd35.schedulers import scheduler
from prep.generators.sd35.unchanged import changed, keeping
from prep.images import covering
from prep.process.steps import step
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
    def draw(
        self, part: list[Picture], parents: Mapping[str, np.ndarray], prompts: PromptsCache, split: bool = False
    ) -> np.ndarray:
        """One batch of pictures that are `alike` -> uint8 [B, height, width, 3].

        split: of an edit, source and target are computed one after the other.
        """
        edit = part[0].manner == "edit"
        if edit:
            before, latents = self._edited(part, parents, prompts, split)
        else:
            latents = self._drawn(part, parents, prompts)
        if not latents.isfinite().all():
            raise StoppedError(
                f"{self.card.name} drew numbers that are not finite, in {self.card.precision}",
                hint="try `generator.sd35.quantise` = none, or another file",
            )
        images = self.pixels.decode(latents)
        if edit and any(picture.unchanged for picture in part):
            least = torch.tensor([picture.unchanged for picture in part], device=latents.device)
            images = keeping(_covering(part, parents), images, changed(before, latents, least))
        return images

    def _drawn(self, part: list[Picture], parents: Mapping[str, np.ndarray], prompts: PromptsCache) -> torch.Tensor:
        """From text alone or by img2img -> latents [B, C, h, w]."""
        first = part[0]
        guided = first.guidance > 1
        generators = _generators(part)
        steps = scheduler(first.sampler, self.family.shift, generators)
        pipeline = self.pipeline if first.strength is None else self.from_picture
        pipeline.scheduler = steps
        hidden, pooled = self._encoded(prompts, map(prompt_of, part))
        given = dict(prompt_embeds=hidden, pooled_prompt_embeds=pooled)
        if guided:
            hidden, pooled = self._encoded(prompts, (picture.negative for picture in part))
            given |= dict(negative_prompt_embeds=hidden, negative_pooled_prompt_embeds=pooled)
        if first.strength is not None:
            given |= dict(image=self._parents(part, parents, generators), strength=first.strength)
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
            return pipeline(
                width=first.width,
                height=first.height,
                num_inference_steps=first.steps,
                guidance_scale=first.guidance,
                generator=generators,
                output_type="latent",
                callback_on_step_end=_stepped,
                **given,
            ).images

    def _edited(
        self, part: list[Picture], parents: Mapping[str, np.ndarray], prompts: PromptsCache, split: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """By FlowEdit -> latents [B, C, h, w] of the parents and of the edits."""
        first = part[0]
        generators = _generators(part)
        latents = self._parents(part, parents, generators)
        negatives = (picture.negative for picture in part)
        texts = map(source_of, part), map(prompt_of, part), negatives
        source, target, negative = (Prompts(*self._encoded(prompts, each)) for each in texts)
        calls = flows(source, target, negative, (first.source_guidance, first.guidance), split)
        times, sigmas = schedule(first.strength, first.steps, self.family.shift, self.device)
        if self.cache is not None:
            self._fill_cache_for_edits(first, times, calls)
        if self.by_picture:
            self.by_picture.pictures = 2 * len(part) // len(calls)  # each with the negative prompt and one other
        with self.on_the_device:
            return latents, edited(self.pipeline.transformer, latents, times, sigmas, calls, generators)

    def _parents(
        self, part: list[Picture], parents: Mapping[str, np.ndarray], generators: list[torch.Generator]
    ) -> torch.Tensor:
        """Latents [B, C, h, w]."""
        return self.pixels.encode(_covering(part, parents), generators)

    def _encoded(self, prompts: PromptsCache, texts: Iterable[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """(hidden [B, tokens, width], pooled [B, width]) in the compute dtype, on the drawing device."""
        texts = list(texts)
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
        self._prepare(key, times.unique(), asked)

    def _fill_cache_for_edits(self, first: Picture, times: torch.Tensor, calls: Sequence[Flow]) -> None:
        """The same for edits: source, target and negative prompts at once."""
        key = (*(len(call.pooled) for call in calls), *alike_key(first, by_prompt=True))
        if key == self.cached_for:
            return
        asked = [call.pooled for call in calls]
        if self.by_picture:  # all of which have the same prompts
            negatives, others = torch.cat([torch.stack(call.pooled.chunk(2)) for call in calls], dim=1)
            one_each = (0, len(others) // 2)  # the first picture's source and target
            asked = [torch.stack([negatives[at], others[at]]) for at in one_each]
        self._prepare(key, times, asked)

    def _prepare(self, key: tuple, times: torch.Tensor, pooled: Sequence[torch.Tensor]) -> None:
        self.cached_for = ()
        self.cache.prepare(times, *pooled)
        self.cached_for = key


def _stepped(pipeline, done: int, time: torch.Tensor, given: dict) -> dict:
    """What diffusers calls after each step, counted from 0."""
    step(done + 1, pipeline.num_timesteps)
    return given


def _covering(part: list[Picture], parents: Mapping[str, np.ndarray]) -> np.ndarray:
    """uint8 [B, height, width, 3]."""
    return np.stack([covering(parents[picture.parent], picture.width, picture.height) for picture in part])


def _generators(part: list[Picture]) -> list[torch.Generator]:
    return [torch.Generator("cpu").manual_seed(picture.seed) for picture in part]


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
