"""DeepDanbooru: 9,176 Danbooru tags from a 512 px square; with the starter's file, 90 tags from a smaller one.

In: uint8 [H, W, 3], RGB. Inside: float32 [B, S, S, 3], RGB, 0-1, edge-padded square. Out: float32 [B, T], 0-1.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from prep.errors import WeightsError
from prep.options import TaggerOptions
from prep.taggers._card import IN_FLIGHT as PARTS
from prep.taggers._card import Transfer, card_batch, memory_for
from prep.taggers._checkpoint import read_checkpoint
from prep.taggers._conv import can_pack, pack
from prep.taggers._fit import fit_square
from prep.taggers._resnet import ResNet
from prep.taggers._resnet_openvino import graph
from prep.tensors.device import card_bytes, check_device, largest_card, say_why_no_card
from prep.tensors.in_openvino import IN_FLIGHT, Compiled
from prep.types import Vocabulary

# Most images per batch on a CPU. The large network is 1 or 2 % faster with 4 than with 2, and no faster with 8;
# with the starter, 2 keep a run's memory below that of its scan.
CPU_BATCH, CPU_BATCH_SMALL = 4, 2
OPENVINO_BATCH = 8  # pictures that are ready at once; two of them are in the network
HALF = (7, 0)  # compute capability; older cards take longer in float16 than in float32
SMALL = 20_000_000  # parameters; the starter has 1.8 M, DeepDanbooru v3 161 M


class DeepDanbooru:
    """Implements prep.protocols.Tagger."""

    compiled: Compiled | None = None  # the network in OpenVINO, in place of torch's
    fitted_px: int
    transfer: Transfer | None = None  # of pictures to a card

    def __init__(
        self, name: str, files: Mapping[str, Path], options: TaggerOptions, dtype: torch.dtype | None = None
    ) -> None:
        """name: of the weights. files: `model`, a published checkpoint or one of prep's. dtype: None for the best one;
        OpenVINO chooses by itself.

        Raises WeightsError for a file that is unreadable or does not fit; StoppedError without OpenVINO if asked for.
        """
        path = files["model"]
        checkpoint = read_checkpoint(path)
        self.name = name
        self.batch_size = options.batch
        self.side_px = self.fitted_px = checkpoint.image_px
        self.vocabulary = vocabulary_of(checkpoint.tags)
        if options.backend == "openvino":
            self.batch_size = min(options.batch, OPENVINO_BATCH)
            network = graph(checkpoint.params, checkpoint.state, self.side_px)
            self.compiled = Compiled(network, path.name, min(self.batch_size, IN_FLIGHT))
            return
        check_device(options.device, "tagger.device")
        self.device = _device(options.device)
        self.dtype = dtype or best_dtype(self.device)
        with torch.device("meta"):
            network = ResNet(checkpoint.params)
        try:
            network.load_state_dict(checkpoint.state, strict=True, assign=True)
        except RuntimeError as error:
            raise WeightsError(f"{path.name} does not fit the network: {str(error).splitlines()[1].strip()}") from error
        if self.device.type == "cuda" and "batch" not in options.model_fields_set:
            self.batch_size = card_batch(card_bytes(self.device), checkpoint.params, self.side_px)
        with memory_for(self.batch_size, self.device):
            network = network.to(self.device, self.dtype, memory_format=torch.channels_last)
        self.network = network.eval().requires_grad_(False)
        if self.device.type == "cpu":
            small = sum(each.numel() for each in network.parameters()) < SMALL
            self.batch_size = min(options.batch, CPU_BATCH_SMALL if small else CPU_BATCH)
            if can_pack():
                pack(self.network)
        self.at_once = self.batch_size
        if self.device.type == "cuda":
            self.at_once = -(-self.batch_size // PARTS)
            self.transfer = Transfer(self.device, self.at_once, self.side_px)

    def prepare(self, image: np.ndarray) -> np.ndarray:
        return fit_square(image, self.side_px)

    @torch.inference_mode()
    def scores(self, batch: np.ndarray) -> np.ndarray:
        """batch: float32 [b, S, S, 3], b at most batch_size -> float32 [b, T].

        Padded to one shape: kernels may differ between shapes, and a picture's scores must not depend on the number of
        pictures in its batch.
        """
        if self.compiled:
            return torch.from_numpy(self.compiled(batch[:, None])[:, 0]).double().sigmoid().float().numpy()
        with memory_for(self.batch_size, self.device):
            logits = self._logits(batch).cpu()
        # Near 1, bfloat16 has only steps of 0.004; and float32's sigmoid differs in its last bit between the
        # body and the tail of an array, so by a picture's position in the batch. In float64 neither shows.
        return torch.sigmoid(logits.double())[: len(batch)].float().numpy()

    def _logits(self, batch: np.ndarray) -> torch.Tensor:
        """A picture that is beyond float16 is computed again in float32."""
        parts, found = [], []
        for number, at in enumerate(range(0, len(batch), self.at_once)):
            parts.append(self._sent(number, batch[at : at + self.at_once]))
            found.append(self.network.logits(parts[-1].to(self.dtype)))  # a card goes on by itself
        logits = torch.cat(found)
        if self.dtype != torch.float16 or (finite := logits.isfinite().all(1)).all():
            return logits
        self.network.float()
        try:
            exact = torch.cat([self.network.logits(part) for part in parts])
            return torch.where(finite[:, None], logits.float(), exact)
        finally:
            self.network.half()

    def _sent(self, number: int, part: np.ndarray) -> torch.Tensor:
        """float32 [b, S, S, 3] -> [at_once, S, S, 3], on the device."""
        if self.transfer:
            return self.transfer.send(number, part)
        missing = self.at_once - len(part)
        padded = np.concatenate([part, np.zeros((missing, *part.shape[1:]), np.float32)]) if missing else part
        return torch.from_numpy(padded).to(self.device)


def vocabulary_of(names: tuple[str, ...]) -> Vocabulary:
    """DeepDanbooru marks ratings by a prefix, and no other category."""
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    return Vocabulary(digest, names, tuple("rating" if name.startswith("rating:") else "general" for name in names))


def best_dtype(device: torch.device) -> torch.dtype:
    """On a CPU bfloat16, if it multiplies in it (4 times as fast with matrix units); on a card float16, whose scores
    are within 6e-4 of float32's, where bfloat16's are within 4.3e-3; else float32.
    """
    if device.type == "cuda":
        return torch.float16 if torch.cuda.get_device_capability(device) >= HALF else torch.float32
    if device.type == "cpu":
        probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
        return torch.bfloat16 if any(getattr(torch.cpu, probe, bool)() for probe in probes) else torch.float32
    return torch.float32


def _device(asked: str) -> torch.device:
    if asked == "auto":
        say_why_no_card()
    if asked in ("auto", "cuda") and torch.cuda.is_available():
        return largest_card()
    automatic = "mps" if torch.backends.mps.is_available() else "cpu"
    return torch.device(automatic if asked == "auto" else asked)
