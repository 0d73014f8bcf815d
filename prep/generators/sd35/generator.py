"""SD3.5 through diffusers: from text with StableDiffusion3Pipeline, from a picture with the img2img pipeline or by an
edit (editing.py).

A picture depends only on its own request: each has its own random generator, on the CPU, and its prompts are encoded
by themselves. On a CPU it is bit-identical in any batch (rows.py); GPUs may differ in the last bits between batch
sizes, so the batch size is recorded.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from prep.errors import SettingsError, StoppedError, UsageError
from prep.generators.sd35.batches import alike, check_edit, in_parts, texts_of
from prep.generators.sd35.card import FAMILIES, SD35Card
from prep.generators.sd35.compiling import LEAST_STEPS, why_not_compiled
from prep.generators.sd35.family import Family, check_size
from prep.generators.sd35.look import look
from prep.generators.sd35.memory import Level
from prep.generators.sd35.options import SD35Options
from prep.generators.sd35.products import way_to_multiply
from prep.generators.sd35.prompts_cache import PromptsCache
from prep.generators.sd35.stored import t5_bytes, vae_stored_as
from prep.names import quantity
from prep.tensors.device import (
    best_dtype,
    card,
    card_bytes,
    give_back,
    is_out_of_memory,
    pick_device,
    short,
    short_reason,
)
from prep.tensors.fill import multiplies_in_fp8, stored_as
from prep.types import Picture

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from prep.generators.sd35.encoding import Encoding
    from prep.generators.sd35.loaded import Loaded

T5_TOKENS = 256  # the pipeline's own, also of the zeros without T5; 512 at most
T5_ROOM = 1e9  # bytes that a card needs besides T5's weights [estimate]
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
        why = why_not_compiled(self.device) if options.compile else ""
        if why:
            log.info(f"generate: the blocks are not compiled ({why}): drawing takes longer")
        self.can_compile = options.compile and not why
        self.compiled = False  # the weights that are loaded now
        self.quantise = options.quantise
        published_fp8 = name in FAMILIES and name.endswith("-fp8")
        if self.quantise == "stored" and published_fp8 and not described.part.layout.startswith("fp8"):
            self.quantise = "all"  # the file of large-turbo is 16 bit: its name says what it is drawn with
        in_fp8 = options.fp8_products and multiplies_in_fp8(described.part, self.quantise)
        self.products = self._way_to_multiply() if in_fp8 else ""
        self.vae_dtype, self.t5_quantise = self._fitting()
        precision = self._precision(stored_as(described.part, self.quantise), described.family)
        sentences = described.family.published and self._with_t5
        self.card = SD35Card(name, described.family, options.resolution, precision, sentences=sentences)
        self.identity = self.files.identity()
        self.steps_to_come = 0  # as far as known when the weights load
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
        options = self.options
        more = {"adaln_cache": options.adaln_cache, "compile": self.compiled, "fp8_products": bool(self.products)}
        return {**self.level.notes, **where, **more, **card(self.device)}

    def encode(self, pictures: Sequence[Picture], kept: Path) -> None:
        """Encode the prompts that are not cached yet. Encoders and transformer are never in memory together."""
        for picture in pictures:
            self._check_size(picture)  # before the encoders load
        self.steps_to_come = max(self.steps_to_come, sum(picture.steps for picture in pictures))
        texts = [text for picture in pictures for text in texts_of(picture)]
        cache = self._prompts(pictures[0], kept) if pictures else None
        if cache is None or not (missing := cache.missing(texts)):
            return
        self.close()
        log.info(f"generate: encoding {quantity(len(missing), 'prompt')}")
        try:
            cache.encode(missing, self._encoding())
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise StoppedError(
                "there is not enough memory for the text encoders",
                hint="set `generator.sd35.with_t5` to false: SD3.5 works without T5",
            ) from error

    def open(self) -> None:
        """Load transformer and VAE, unless they are loaded."""
        if self.loaded is not None:
            return
        from prep.generators.sd35.opening import opened  # diffusers takes seconds to import

        self.compiled = self._compiles
        self.loaded = opened(
            self.files, self.card, self.device, (self.dtype, self.vae_dtype), self.quantise, self.level,
            caches=self.options.adaln_cache, products=self.products, compiles=self.compiled,
        )  # fmt: skip

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
        for group in alike(pictures, by_prompt=self.options.adaln_cache):
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
    def _compiles(self) -> bool:
        """Weights that come and go are not compiled for."""
        return self.can_compile and self.level.offload == "none" and self.steps_to_come >= LEAST_STEPS

    def _way_to_multiply(self) -> str:
        way, why = way_to_multiply(self.device)
        if way and self.dtype != torch.bfloat16:
            way, why = "", "they need bfloat16"
        if not way:
            log.info(f"generate: no FP8 products here ({why}): FP8 saves memory, not time")
        return way

    def _fitting(self) -> tuple[torch.dtype, str]:
        """(the VAE's dtype, how T5 is stored): on a card, float16 if published in it; FP8 if 16 bit cannot fit."""
        if self.device.type == "cpu":
            return self.dtype, "stored"
        half = self.dtype == torch.bfloat16 and vae_stored_as(self.files.vae or self.files.model) == "F16"
        t5 = t5_bytes(self.files.model, self.files.t5) if self._with_t5 else 0
        wide = 2 if self.dtype == torch.float32 else 1  # of an old card
        small = t5 * wide + T5_ROOM > card_bytes(self.device)
        return torch.float16 if half else self.dtype, "all" if t5 and small else "stored"

    def _precision(self, stored: str, family: Family) -> str:
        """Of weights and arithmetic: whatever changes pixels, and is not in a picture's request."""
        multiplies = {"": short(self.dtype), "by_rows": "fp8-blocks", "by_tensor": "fp8-blocks-by-tensor"}
        more = [
            "vae-fp16" if self.vae_dtype == torch.float16 else "",
            "t5-fp8" if self.t5_quantise == "all" else "",
            "no-t5" if family.published and not self._with_t5 else "",
            f"skip-{family.skip_stop}" if family.skip_layers else "",
        ]
        return "/".join([stored, multiplies[self.products], *filter(None, more)])

    def _prompts(self, picture: Picture, kept: Path) -> PromptsCache:
        more = ["t5-fp8"] if self.t5_quantise == "all" else []
        if self.card.family.published and not self._with_t5:
            more.append(f"{T5_TOKENS} zeros")
        how = (picture.weights, self.identity, self._with_t5, short(self.dtype), *more)
        return PromptsCache(kept, " ".join(map(str, how)))

    def _encoding(self) -> "Encoding":
        from prep.generators.sd35.opening import encoding

        names = ("clip_l", "clip_g", *(["t5"] if self._with_t5 else []))
        # A small model without T5 was trained with zeros as long as the CLIPs' part.
        tokens = T5_TOKENS if self._with_t5 or self.card.family.published else None
        width = self.config["joint_attention_dim"]
        return encoding(self.files, names, self._encoder, self.device, self.dtype, width, tokens, self.options.offline)

    def _encoder(self, name: str) -> "PreTrainedModel":
        from prep.generators.sd35.encoders import load_text_encoder

        quantise = self.t5_quantise if name == "t5" else "stored"
        return load_text_encoder(name, self.files.model, self.dtype, getattr(self.files, name), quantise)

    def _check_size(self, picture: Picture) -> None:
        check_size(picture.width, picture.height)
        most = self.config["pos_embed_max_size"] * 16
        if max(picture.width, picture.height) > most:
            raise SettingsError(
                f"{self.card.name} draws at most {most} px a side, not {picture.width} x {picture.height}",
                hint="set a smaller `generator.resolution`",
            )

    def _check(self, picture: Picture, parents: Mapping[str, np.ndarray]) -> None:
        from prep.generators.sd35.schedulers import scheduler

        self._check_size(picture)
        scheduler(picture.sampler, self.card.family.shift)
        if picture.steps < 1:
            raise SettingsError(f"generator.steps: {picture.steps} draws nothing", hint="1 or more")
        if picture.strength is not None:
            if not 0 < picture.strength <= 1:
                raise SettingsError(f"augmentation.strength: {picture.strength} is not above 0 and at most 1")
            if picture.parent not in parents:
                raise UsageError(f"the picture that {picture.key} is drawn from was not given")
        if picture.manner == "edit":
            check_edit(picture)

    def _try(self, part: list[Picture], parents: Mapping[str, np.ndarray], kept: Path) -> np.ndarray | None:
        """Draw a batch. None: memory ran out, and the memory level was lowered."""
        rows = 0
        try:
            self.open()
            rows = len(part)
            drawn = self.loaded.draw(part, parents, self._prompts(part[0], kept), self.level.split)
            reached = self.loaded.pixels.level
            self.level = replace(self.level, tiling=reached.tiling, vae_on_cpu=reached.vae_on_cpu)
            return drawn
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            reason = short_reason(error)
        # Outside the except block, where the error no longer holds the batch's memory.
        edits = part[0].manner == "edit"
        before, self.level = self.level, self.level.lower(rows, self.device.type != "cpu", edits)
        log.info(f"generate: memory ran out ({reason}): going on with {self.level.notes}")
        if self.level.offload != before.offload or self.loaded is None:
            self.close()
        give_back()
        return None
