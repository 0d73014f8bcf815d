"""Pixels to latents and back, picture by picture, in whatever memory is left: see memory.py.

A batched VAE would differ from single pictures by up to 5/255.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL

from prep.errors import StoppedError
from prep.generators.sd35.memory import Level
from prep.generators.sd35.visiting import Visitor
from prep.tensors.device import best_dtype, give_back, is_out_of_memory, short_reason

# Side of a tile, blended with its neighbours over a quarter of it. diffusers' own is the size that SD3.5 draws.
TILE_PX = 512
CPU = torch.device("cpu")
log = logging.getLogger(__name__)


class Pixels:
    """level: as far as it had to be lowered."""

    def __init__(self, vae: AutoencoderKL, device: torch.device, dtype: torch.dtype, level: Level) -> None:
        """dtype: what is used instead of a float16 that overflows."""
        self.vae, self.device, self.wide, self.level = vae, device, dtype, level
        self.dtype = vae.dtype
        self.px = 2 ** (len(vae.config.block_out_channels) - 1)  # per latent
        self.visitor = Visitor(vae)
        self.at: tuple[torch.device, torch.dtype] | None = None  # None: at home
        vae.tile_sample_min_size, vae.tile_latent_min_size = TILE_PX, TILE_PX // self.px
        if self._stays:
            self._go(self.device, self.dtype)

    def encode(self, pictures: np.ndarray, generators: list[torch.Generator]) -> torch.Tensor:
        """pictures: uint8 [B, H, W, 3]; generators: one per picture -> [B, C, h, w], as the transformer has them."""
        given = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 * 2 - 1
        config, found = self.vae.config, []
        for picture, numbers in zip(given.split(1), generators, strict=True):
            moments = self._in_memory(lambda vae, picture=picture: self._moments(vae, picture))
            latents = moments.sample(numbers)
            found.append(((latents - config.shift_factor) * config.scaling_factor).to(self.device))
        return torch.cat(found)

    def decode(self, latents: torch.Tensor) -> np.ndarray:
        """latents: [B, C, h, w] -> uint8 [B, H, W, 3]. Rounded from float32: bfloat16 has no 256 steps near 1.

        Raises StoppedError: out of memory, or numbers that are not finite.
        """
        config = self.vae.config
        found = []
        for one in (latents / config.scaling_factor + config.shift_factor).split(1):
            found.append(self._in_memory(lambda vae, one=one: self._levels(vae, one)))
        return torch.cat(found).permute(0, 2, 3, 1).numpy()

    def _moments(self, vae: AutoencoderKL, picture: torch.Tensor) -> Any:
        """The distribution of a picture's latents."""
        found = vae.encode(picture_on(vae, picture)).latent_dist
        if vae.dtype == torch.float16 and not found.mean.isfinite().all():
            with self._wider():
                found = vae.encode(picture_on(vae, picture)).latent_dist
        return found

    def _levels(self, vae: AutoencoderKL, latents: torch.Tensor) -> torch.Tensor:
        """uint8 [1, 3, H, W] on the CPU."""
        values = vae.decode(picture_on(vae, latents), return_dict=False)[0].float()
        if vae.dtype == torch.float16 and not values.isfinite().all():
            with self._wider():
                values = vae.decode(picture_on(vae, latents), return_dict=False)[0].float()
        if not values.isfinite().all():
            raise StoppedError("the VAE decoded numbers that are not finite", hint="its file may be damaged")
        return ((values / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu()

    @contextlib.contextmanager
    def _wider(self) -> Iterator[None]:
        """float16 ends at 65,504, where another picture of the same VAE may not come."""
        place, dtype = self.at
        self._go(place, self.wide)
        try:
            yield
        finally:
            self._go(place, dtype)

    def _in_memory(self, work: Callable[[AutoencoderKL], Any]) -> Any:
        """What the work answers, at the first level at which it fits. Raises StoppedError."""
        again = False
        while True:
            try:
                return self._tried(work)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = short_reason(error)
            # Outside the except block, where the error no longer holds memory.
            self._leave()
            give_back()
            if again:
                self.level = self.level.lower_vae(self.device.type != "cpu")
                way = "on the CPU" if self.level.vae_on_cpu else "in tiles"
                log.info(f"generate: memory ran out in the VAE ({reason}): it goes on {way}, with the same latents")
            again = True

    def _tried(self, work: Callable[[AutoencoderKL], Any]) -> Any:
        self.vae.use_tiling = self.level.tiling
        if self.level.vae_on_cpu:
            self._go(CPU, best_dtype(CPU))
        else:
            self._go(self.device, self.dtype)
        answer = work(self.vae)
        if not self._stays:
            self._leave()
        return answer

    @property
    def _stays(self) -> bool:
        return self.level.offload == "none" and not self.level.vae_on_cpu

    def _go(self, device: torch.device, dtype: torch.dtype) -> None:
        if self.at != (device, dtype):
            self.at = None
            self.visitor.go(device, dtype)
            self.at = device, dtype

    def _leave(self) -> None:
        self.visitor.leave()
        self.at = None


def picture_on(vae: AutoencoderKL, values: torch.Tensor) -> torch.Tensor:
    return values.to(vae.device, vae.dtype)
