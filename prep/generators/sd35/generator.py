"""SD3.5 through diffusers: from text with StableDiffusion3Pipeline, from a picture with the img2img pipeline.

A picture depends only on its own request: each has its own random generator, on the CPU, and its prompts are encoded
by themselves. On a CPU it is bit-identical in any batch (rows.py); GPUs may differ in the last bits between batch
sizes, so the batch size is recorded.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline

from prep.errors import SettingsError, StoppedError, UsageError
from prep.generators.sd35.adaln import AdalnCache
from prep.generators.sd35.batches import alike, in_parts, texts_of
from prep.generators.sd35.card import FAMILIES, SD35Card
from prep.generators.sd35.encoders import load_text_encoders
from prep.generators.sd35.family import check_size
from prep.generators.sd35.load import check_transformer, load_transformer
from prep.generators.sd35.loaded import Loaded, pipeline_of
from prep.generators.sd35.look import look
from prep.generators.sd35.memory import Level
from prep.generators.sd35.options import SD35Options
from prep.generators.sd35.products import use_products, why_no_products
from prep.generators.sd35.prompts_cache import PromptsCache
from prep.generators.sd35.rows import ByPicture
from prep.generators.sd35.schedulers import scheduler
from prep.generators.sd35.tokenizers import load_tokenizer
from prep.generators.sd35.vae import load_vae
from prep.names import quantity
from prep.tensors.device import best_dtype, card, give_back, is_out_of_memory, pick_device, short
from prep.tensors.fill import stored_as
from prep.types import Picture

T5_TOKENS = 256  # the pipeline's own; 512 at most
log = logging.getLogger(__name__)


class SD35:
    """Cheap to make: reads headers, and weights only when it first draws. Implements prep.protocols.Generator."""

    def __init__(
        self,
        name: str,
        files: Mapping[str, Path],
        options: SD35Options,
        dtype: torch.dtype | None = None,
    ) -> None:
        """name: of the weights. files: `model`, and vae, clip_l, clip_g, t5 where they have files of their own.
        dtype: None for the best one on this device.

        Raises WeightsError for an unreadable file or a missing part, SettingsError for a missing device.
        """
        self.files, described, self.parts = look(name, files, options)
        self.options, self.config = options, described.config
        self.device = pick_device(options.device)
        self.dtype = dtype or best_dtype(self.device)
        if options.offload == "model" and self.device.type == "cpu":
            raise SettingsError(
                "generator.sd35.offload is `model`, which moves weights to a GPU and back, but there is no GPU",
                hint="on a CPU leave it at `none`",
            )
        self.products = options.fp8_products and self._can_multiply()
        kind = "fp8" if self.products else short(self.dtype)
        self.quantise = options.quantise
        published_fp8 = name in FAMILIES and name.endswith("-fp8")
        if self.quantise == "stored" and published_fp8 and not described.part.layout.startswith("fp8"):
            self.quantise = "all"  # the file of large-turbo is 16 bit: its name says what it is drawn with
        precision = f"{stored_as(described.part, self.quantise)}/{kind}"
        self.card = SD35Card(name, described.family, options.resolution, precision)
        self.identity = self.files.identity()
        offload = options.offload if self.device.type != "cpu" else "none"
        if offload != options.offload:
            log.info(
                f"generate: offload = {options.offload} does nothing on a CPU: FP8 weights are mapped from the file"
            )
        self.level = Level(options.batch, offload=offload)
        self.loaded: Loaded | None = None

    @property
    def notes(self) -> dict:
        """The final settings that affect cost but not pictures, for run.json."""
        where = {"device": self.device.type, "dtype": str(self.dtype).removeprefix("torch.")}
        more = {"adaln_cache": self._caches, "compile": self.options.compile, "fp8_products": self.products}
        return {**self.level.notes, **where, **more, **card(self.device)}

    def encode(self, pictures: Sequence[Picture], kept: Path) -> None:
        """Encode the prompts that are not cached yet. Encoders and transformer are never in memory together."""
        for picture in pictures:
            self._check_size(picture)  # before the encoders load
        texts = [text for picture in pictures for text in texts_of(picture)]
        cache = self._prompts(pictures[0], kept) if pictures else None
        if cache is None or not (missing := cache.missing(texts)):
            return
        self.close()
        log.info(f"generate: encoding {quantity(len(missing), 'prompt')}")
        try:
            # Without T5, its part is as long as the CLIPs'.
            tokenizer = load_tokenizer("clip_l", self.files.folder, self.options.offline)
            tokens = T5_TOKENS if self._with_t5 else tokenizer.model_max_length
            cache.encode(missing, self._encoders, tokens)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise StoppedError(
                "there is not enough memory for the text encoders",
                hint="set `generator.sd35.with_t5` to false, or `generator.device` to cpu for the first run",
            ) from error

    def open(self) -> None:
        """Load transformer and VAE, unless they are loaded."""
        if self.loaded is not None:
            return
        model = load_transformer(self.files.model, self.dtype, self.quantise)
        vae = load_vae(self.files.vae or self.files.model, self.dtype)
        vae.enable_slicing()  # a batched VAE would differ from single pictures by up to 5/255
        if self.level.offload == "none":
            model, vae = model.to(self.device), vae.to(self.device)
        check_transformer(model)
        cache = AdalnCache(model, self.files.model) if self._caches else None
        if self.products:
            use_products(model)
        if self.options.compile:
            for block in model.transformer_blocks:
                block.forward = torch.compile(block.forward)
        by_picture = ByPicture(model, keep=not self.options.compile) if self.device.type == "cpu" else None
        self.loaded = Loaded(self.card, model, vae, self.level, self.device, self.dtype, cache, by_picture)

    def draw(
        self, pictures: Sequence[Picture], parents: Mapping[str, np.ndarray], kept: Path
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Yield (key, uint8 [height, width, 3], RGB), batch by batch; parents: sha256 -> uint8 [H, W, 3].

        Raises UsageError before drawing any if a picture cannot be drawn; StoppedError when memory runs out.
        """
        for picture in pictures:
            self._check(picture, parents)
        if not pictures:
            return
        self.encode(pictures, kept)
        for group in alike(pictures, by_prompt=self._caches):
            todo = in_parts(group, self.level.batch)
            while todo:
                part = todo.pop()
                if len(part) > self.level.batch:
                    todo += in_parts(part, self.level.batch)
                    continue
                drawn = self._try(part, parents, kept)
                if drawn is None:
                    todo.append(part)
                else:
                    yield from zip((picture.key for picture in part), drawn, strict=True)

    def close(self) -> None:
        """Free all memory."""
        self.loaded = None
        give_back()

    @property
    def _with_t5(self) -> bool:
        return self.options.with_t5 and "t5" in self.parts

    @property
    def _caches(self) -> bool:
        """The adaLN cache is where the weights are; it replaces the layers that offloading would move."""
        return self.options.adaln_cache and self.level.offload == "none"

    def _can_multiply(self) -> bool:
        why = why_no_products(self.device)
        if not why and self.dtype != torch.bfloat16:
            why = "they need bfloat16"
        if why:
            log.info(f"generate: no FP8 products here ({why}): FP8 saves memory, not time")
        return not why

    def _prompts(self, picture: Picture, kept: Path) -> PromptsCache:
        how = (picture.weights, self.identity, self._with_t5, short(self.dtype))
        return PromptsCache(kept, " ".join(map(str, how)))

    def _encoders(self) -> StableDiffusion3Pipeline:
        """A pipeline with only text encoders, tokenizers, and the transformer's widths."""
        files = self.files
        tokenizers = [
            load_tokenizer(name, files.folder, self.options.offline)
            for name in ("clip_l", "clip_g", *(["t5"] if self._with_t5 else []))
        ]
        found = load_text_encoders(
            files.model, self.dtype, clip_l=files.clip_l, clip_g=files.clip_g, t5=files.t5, with_t5=self._with_t5
        )
        with torch.device("meta"):
            widths = SD3Transformer2DModel.from_config({**self.config, "num_layers": 1, "dual_attention_layers": []})
        encoders = [model and model.to(self.device) for model in (found.clip_l, found.clip_g, found.t5)]
        return pipeline_of(self.card.family.shift, widths, None, encoders, tokenizers)

    def _check_size(self, picture: Picture) -> None:
        check_size(picture.width, picture.height)
        most = self.config["pos_embed_max_size"] * 16
        if max(picture.width, picture.height) > most:
            raise SettingsError(
                f"{self.card.name} draws at most {most} px a side, not {picture.width} x {picture.height}",
                hint="set a smaller `generator.resolution`",
            )

    def _check(self, picture: Picture, parents: Mapping[str, np.ndarray]) -> None:
        self._check_size(picture)
        scheduler(picture.sampler, self.card.family.shift)
        if picture.steps < 1:
            raise SettingsError(f"generator.steps: {picture.steps} draws nothing", hint="1 or more")
        if picture.strength is not None:
            if not 0 < picture.strength <= 1:
                raise SettingsError(f"augmentation.strength: {picture.strength} is not above 0 and at most 1")
            if picture.parent not in parents:
                raise UsageError(f"the picture that {picture.key} is drawn from was not given")

    def _try(self, part: list[Picture], parents: Mapping[str, np.ndarray], kept: Path) -> np.ndarray | None:
        """Draw a batch. None: memory ran out, and the memory level was lowered."""
        try:
            self.open()
            return self.loaded.draw(part, parents, self._prompts(part[0], kept))
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).split("\n")[0][:120]
        # Outside the except block, where the error no longer holds the batch's memory.
        before, self.level = self.level, self.level.lower(len(part), self.device.type != "cpu")
        log.info(f"generate: memory ran out ({reason or 'no more'}): going on with {self.level.notes}")
        if self.level.offload != before.offload or self.loaded is None:
            self.close()
        elif self.level.tiling:
            self.loaded.pipeline.vae.enable_tiling()
        give_back()
        return None
