"""SD3.5 through diffusers: from text with StableDiffusion3Pipeline, from a picture with the img2img pipeline.

A picture follows from its request alone: each has a generator of its own, on the CPU, and its prompts are encoded
alone. On a CPU it is the same to the bit whatever the batch (_rows.py); GPUs may differ in the last bits between batch
sizes, which is why the batch is noted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import SD3Transformer2DModel, StableDiffusion3Img2ImgPipeline, StableDiffusion3Pipeline
from diffusers.hooks import apply_group_offloading

from prep.config import GeneratorSettings
from prep.errors import SettingsError, StoppedError, UsageError
from prep.generators.sd35.adaln import AdalnCache
from prep.generators.sd35.batches import alike, alike_key, in_parts, texts_of
from prep.generators.sd35.encoders import load_text_encoders
from prep.generators.sd35.family import check_size, read_transformer, size_for
from prep.generators.sd35.files import Files
from prep.generators.sd35.load import check_transformer, load_transformer
from prep.generators.sd35.memory import Level
from prep.generators.sd35.products import use_products, why_no_products
from prep.generators.sd35.prompts_cache import PromptsCache
from prep.generators.sd35.rows import ByPicture
from prep.generators.sd35.schedulers import scheduler
from prep.generators.sd35.tokenizers import load_tokenizer
from prep.generators.sd35.vae import load_vae
from prep.images import covering
from prep.tensors.device import best_dtype, card, give_back, is_out_of_memory, pick_device, short
from prep.tensors.fill import stored_as
from prep.types import GenerationRequest

T5_TOKENS = 256  # the pipeline's own; 512 at most


class SD35:
    """Cheap to make: headers are read, weights when it is first to draw. Implements prep.types.Generator."""

    def __init__(
        self,
        files: Files,
        settings: GeneratorSettings,
        encoded: Path,
        name: str = "",
        offline: bool = False,
        say: Callable[[str], None] = lambda line: None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """encoded: the folder of encoded prompts. name: of the weights, where they have one. dtype: None: the best.

        Raises WeightsError: a file that is not readable or a part that is nowhere; SettingsError: no such device.
        """
        self.files, self.settings, self.offline, self.say = files, settings, offline, say
        self.name = name if name not in ("", "file") else files.model.stem
        described = read_transformer(files.model, name)
        self.family, self.config = described.family, described.config
        self.steps, self.guidance = self.family.steps, self.family.guidance
        self.parts = files.check(settings.with_t5 and self.family.published)
        self.device = pick_device(settings.device)
        self.dtype = dtype or best_dtype(self.device)
        if settings.offload == "model" and self.device.type == "cpu":
            raise SettingsError(
                "generator.offload is `model`, which moves weights to a GPU and back, and there is none",
                hint="on a CPU leave it at `none`",
            )
        self.products = settings.fp8_products and self._can_multiply()
        kind = "fp8" if self.products else short(self.dtype)
        self.quantise = settings.quantise
        if self.quantise == "stored" and name.endswith("-fp8") and not described.part.layout.startswith("fp8"):
            self.quantise = "all"  # the file of large-turbo has 16 bit: its name says what is drawn with
        self.precision = f"{stored_as(described.part, self.quantise)}/{kind}"
        self.encoded, self.identity = encoded, files.identity()
        offload = settings.offload if self.device.type != "cpu" else "none"
        if offload != settings.offload:
            say(f"offload = {settings.offload} does nothing on a CPU: FP8 weights are the file's own pages there")
        self.level = Level(settings.batch, offload=offload)
        self._drop()

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) in px of what is drawn from a picture of that size."""
        return size_for(width, height, self.settings.resolution or self.family.resolution_px, self.family.step_px)

    @property
    def notes(self) -> dict:
        """What only makes it cheaper, as it was at last: for run.json."""
        where = {"device": self.device.type, "dtype": str(self.dtype).removeprefix("torch.")}
        more = {"adaln_cache": self._caches, "compile": self.settings.compile, "fp8_products": self.products}
        return {**self.level.notes, **where, **more, **card(self.device)}

    def prepare(self, requests: Sequence[GenerationRequest]) -> None:
        """Encode the prompts that are not kept yet. Encoders and transformer are never in memory together."""
        for request in requests:
            self._check_size(request)  # before the encoders load
        texts = [text for request in requests for text in texts_of(request)]
        cache = self._prompts(requests[0]) if requests else None
        if cache is None or not (missing := cache.missing(texts)):
            return
        self.close()
        self.say(f"{len(missing):,} prompts are encoded")
        try:
            # Without T5 its place is as long as the CLIPs' own.
            tokenizer = load_tokenizer("clip_l", self.files.folder, self.offline)
            tokens = T5_TOKENS if self._with_t5 else tokenizer.model_max_length
            cache.encode(missing, self._encoders, tokens)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise StoppedError(
                "there is not enough memory for the text encoders",
                hint="set `generator.with_t5` to false, or `generator.device` to cpu for the first run",
            ) from error

    def open(self) -> None:
        """Load transformer and VAE, unless they are here."""
        if self.pipeline is not None:
            return
        model = load_transformer(self.files.model, self.dtype, self.quantise)
        vae = load_vae(self.files.vae or self.files.model, self.dtype)
        vae.enable_slicing()  # a batch of the VAE would differ from single pictures by up to 5/255
        if self.level.offload == "none":
            model, vae = model.to(self.device), vae.to(self.device)
        check_transformer(model)
        self.cache = AdalnCache(model, self.files.model) if self._caches else None
        if self.products:
            use_products(model)
        if self.settings.compile:
            for block in model.transformer_blocks:
                block.forward = torch.compile(block.forward)
        if self.device.type == "cpu":
            self.by_picture = ByPicture(model, keep=not self.settings.compile)
        self._join(model, vae)

    def images(
        self, requests: Sequence[GenerationRequest], parents: Mapping[str, np.ndarray]
    ) -> Iterator[tuple[GenerationRequest, np.ndarray]]:
        """Yield (request, uint8 [height, width, 3], RGB), batch by batch; parents: sha256 -> uint8 [H, W, 3].

        Raises UsageError for a request that cannot be drawn, before any is; StoppedError when memory runs out.
        """
        for request in requests:
            self._check(request, parents)
        if not requests:
            return
        self.prepare(requests)
        for group in alike(requests, by_prompt=self._caches):
            todo = in_parts(group, self.level.batch)
            while todo:
                part = todo.pop()
                if len(part) > self.level.batch:
                    todo += in_parts(part, self.level.batch)
                    continue
                drawn = self._try(part, parents)
                if drawn is None:
                    todo.append(part)
                else:
                    yield from zip(part, drawn, strict=True)

    def close(self) -> None:
        """Let go of all memory."""
        self._drop()
        give_back()

    @property
    def _with_t5(self) -> bool:
        return self.settings.with_t5 and "t5" in self.parts

    @property
    def _caches(self) -> bool:
        """The adaLN cache answers where the weights are; it saves what offloading would move."""
        return self.settings.adaln_cache and self.level.offload == "none"

    def _drop(self) -> None:
        self.pipeline: StableDiffusion3Pipeline | None = None
        self.from_picture: StableDiffusion3Img2ImgPipeline | None = None
        self.cache: AdalnCache | None = None
        self.cached_for: tuple = ()
        self.by_picture: ByPicture | None = None  # on a CPU

    def _can_multiply(self) -> bool:
        why = why_no_products(self.device)
        if not why and self.dtype != torch.bfloat16:
            why = "they come with bfloat16"
        if why:
            self.say(f"no FP8 products here ({why}): FP8 saves memory, and no time")
        return not why

    def _prompts(self, request: GenerationRequest) -> PromptsCache:
        how = (request.weights, self.identity, self._with_t5, short(self.dtype))
        return PromptsCache(self.encoded, " ".join(map(str, how)))

    def _encoders(self) -> StableDiffusion3Pipeline:
        """The pipeline with nothing but text encoders, tokenizers, and the transformer's widths."""
        files = self.files
        tokenizers = [
            load_tokenizer(name, files.folder, self.offline)
            for name in ("clip_l", "clip_g", *(["t5"] if self._with_t5 else []))
        ]
        found = load_text_encoders(
            files.model, self.dtype, clip_l=files.clip_l, clip_g=files.clip_g, t5=files.t5, with_t5=self._with_t5
        )
        with torch.device("meta"):
            widths = SD3Transformer2DModel.from_config({**self.config, "num_layers": 1, "dual_attention_layers": []})
        encoders = [model and model.to(self.device) for model in (found.clip_l, found.clip_g, found.t5)]
        return _pipeline(self.family.shift, widths, None, encoders, tokenizers)

    def _join(self, model: SD3Transformer2DModel, vae) -> None:
        """Make both pipelines of one transformer and one VAE, at the level of memory that was reached."""
        if self.level.tiling:
            vae.enable_tiling()
        if self.level.offload == "group":
            apply_group_offloading(
                model, self.device, torch.device("cpu"), "leaf_level", use_stream=True, low_cpu_mem_usage=True
            )
            vae.to(self.device)
        self.pipeline = _pipeline(self.family.shift, model, vae)
        self.from_picture = StableDiffusion3Img2ImgPipeline(**self.pipeline.components)
        self.from_picture.set_progress_bar_config(disable=True)

    def _check_size(self, request: GenerationRequest) -> None:
        check_size(request.width, request.height)
        most = self.config["pos_embed_max_size"] * 16
        if max(request.width, request.height) > most:
            raise SettingsError(
                f"{self.name} draws at most {most} px a side, not {request.width} x {request.height}",
                hint="set a smaller `generator.resolution`",
            )

    def _check(self, request: GenerationRequest, parents: Mapping[str, np.ndarray]) -> None:
        self._check_size(request)
        scheduler(request.sampler, self.family.shift)
        if request.steps < 1:
            raise SettingsError(f"generator.steps: {request.steps} draws nothing", hint="1 or more")
        if request.strength is not None:
            if not 0 < request.strength <= 1:
                raise SettingsError(f"augmentation.strength: {request.strength} is not above 0 and at most 1")
            if request.parent not in parents:
                raise UsageError(f"the picture that {request.key} is drawn from was not given")

    def _try(self, part: list[GenerationRequest], parents: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """Draw a batch. None: memory ran out, and the level is lower now."""
        try:
            self.open()
            return self._draw(part, parents)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            told = str(error).split("\n")[0][:120]
        # Outside, where the error no longer holds what the batch had taken.
        before, self.level = self.level, self.level.lower(len(part), self.device.type != "cpu")
        self.say(f"memory ran out ({told or 'no more'}): on with {self.level.notes}")
        if self.level.offload != before.offload or self.pipeline is None:
            self.close()
        elif self.level.tiling:
            self.pipeline.vae.enable_tiling()
        give_back()
        return None

    @torch.inference_mode()
    def _draw(self, part: list[GenerationRequest], parents: Mapping[str, np.ndarray]) -> np.ndarray:
        """One batch of requests that are alike -> uint8 [B, height, width, 3]."""
        first = part[0]
        guided = first.guidance > 1
        generators = [torch.Generator("cpu").manual_seed(request.seed) for request in part]
        steps = scheduler(first.sampler, self.family.shift, generators)
        pipeline = self.pipeline if first.strength is None else self.from_picture
        pipeline.scheduler = steps
        if self.level.offload == "model":
            pipeline.enable_model_cpu_offload(device=self.device)
        hidden, pooled = self._encoded(part, [request.prompt for request in part])
        given = dict(prompt_embeds=hidden, pooled_prompt_embeds=pooled)
        if guided:
            hidden, pooled = self._encoded(part, [request.negative for request in part])
            given |= dict(negative_prompt_embeds=hidden, negative_pooled_prompt_embeds=pooled)
        if first.strength is not None:
            pictures = np.stack([covering(parents[request.parent], first.width, first.height) for request in part])
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

    def _encoded(self, part: list[GenerationRequest], texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """(hidden [B, tokens, width], pooled [B, width]) in the compute dtype, where it is drawn."""
        cache = self._prompts(part[0])
        found = {text: cache.read(text) for text in dict.fromkeys(texts)}
        if lost := [text for text in found if found[text] is None]:
            raise StoppedError(f"the encoded prompt {lost[0][:60]!r} was removed while drawing", hint="run again")
        rows = [found[text] for text in texts]
        like = dict(device=self.device, dtype=self.dtype)
        return torch.cat([row.hidden for row in rows]).to(**like), torch.cat([row.pooled for row in rows]).to(**like)

    def _fill_cache(self, pipeline, first: GenerationRequest, given: dict) -> None:
        """Ask the modulation layers for this batch's steps and prompts, unless the last batch had the same."""
        key = (len(given["pooled_prompt_embeds"]), *alike_key(first, by_prompt=True))
        if key == self.cached_for:
            return
        pipeline.scheduler.set_timesteps(first.steps, device=self.device)
        times = pipeline.scheduler.timesteps
        if first.strength is not None:
            times = pipeline.get_timesteps(first.steps, first.strength, self.device)[0]
        pooled = given["pooled_prompt_embeds"]
        both = [pooled, given["negative_pooled_prompt_embeds"]] if first.guidance > 1 else [pooled]
        if self.by_picture:  # which all have the same prompts
            both = [rows[:1] for rows in both]
        asked = [torch.cat(both[::-1]), both[0]] if self.family.skip_layers else [torch.cat(both[::-1])]
        self.cached_for = ()
        self.cache.prepare(times.unique(), *asked)
        self.cached_for = key

    def _pixels(self, latents: torch.Tensor) -> np.ndarray:
        """latents: [B, C, h, w] -> uint8 [B, 8h, 8w, 3]. Rounded from float32: bfloat16 has no 256 steps near 1."""
        if not latents.isfinite().all():
            raise StoppedError(
                f"{self.name} drew numbers that are not finite, in {self.precision}",
                hint="try `generator.quantise` = none, or another file",
            )
        vae = self.pipeline.vae
        latents = latents / vae.config.scaling_factor + vae.config.shift_factor
        pictures = vae.decode(latents, return_dict=False)[0].float()
        pictures = ((pictures / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        return pictures.permute(0, 2, 3, 1).cpu().numpy()


def from_parts(
    model: Path,
    parts: dict[str, Path],
    settings: GeneratorSettings,
    encoded: Path,
    name: str,
    offline: bool,
    say: Callable[[str], None],
) -> SD35:
    """As load_generator calls it. parts: vae, clip_l, clip_g, t5, where they have files of their own."""
    return SD35(Files(model, **parts), settings, encoded, name, offline, say)


def _pipeline(shift: float, transformer, vae, encoders=(), tokenizers=()) -> StableDiffusion3Pipeline:
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
