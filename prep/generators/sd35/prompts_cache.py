"""Prompts, encoded once and kept: float [1, tokens, width] and [1, pooled width] per text, as the pipeline makes them.

Each text is encoded by itself: in a batch its numbers could differ in the last bit. The encoders are loaded only when
a text is missing, and freed afterwards.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import StableDiffusion3Pipeline
from safetensors.torch import save_file

from prep.errors import WeightsError
from prep.files import is_regular, real_folder, write_whole
from prep.tensors.device import give_back
from prep.tensors.file import WeightFile


@dataclass(frozen=True)
class Encoded:
    """hidden: [1, tokens, joint width], the CLIPs' tokens and then T5's. pooled: [1, width of both CLIPs]."""

    hidden: torch.Tensor
    pooled: torch.Tensor


class PromptsCache:
    def __init__(self, folder: Path, identity: str) -> None:
        """identity: of the encoders and how they are used; other encoders get files of their own."""
        self.folder = folder
        self.identity = identity

    def path(self, text: str) -> Path:
        digest = hashlib.sha256(f"{self.identity}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / f"{digest[:16]}.safetensors"

    def read(self, text: str) -> Encoded | None:
        """None: missing or incomplete."""
        try:
            if not is_regular(self.path(text)):
                return None
            file = WeightFile(self.path(text))  # not mapped: a mapped file that shrinks kills the process
            found = Encoded(file.read("hidden"), file.read("pooled"))
        except (WeightsError, OSError, KeyError, RuntimeError):
            return None
        same = file.metadata.get("identity") == self.identity
        whole = found.hidden.dim() == 3 and found.pooled.dim() == 2 and found.hidden.isfinite().all()
        return found if same and whole and found.pooled.isfinite().all() else None

    def missing(self, texts: Iterable[str]) -> list[str]:
        return [text for text in dict.fromkeys(texts) if self.read(text) is None]

    def encode(self, texts: Iterable[str], load: Callable[[], StableDiffusion3Pipeline], tokens: int) -> int:
        """Encode what is missing -> how many texts. load: makes a pipeline with text encoders, called only if needed.

        tokens: length of T5's part. Raises StoppedError when the folder cannot be written.
        """
        missing = self.missing(texts)
        if not missing:
            return 0
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        real_folder(self.folder.parent, self.folder.name)
        pipeline = load()
        try:
            for text in missing:
                self._keep(text, encode_text(pipeline, text, tokens))
        finally:
            del pipeline
            give_back()
        return len(missing)

    def _keep(self, text: str, encoded: Encoded) -> None:
        tensors = {"hidden": encoded.hidden.contiguous().cpu(), "pooled": encoded.pooled.contiguous().cpu()}
        write_whole(self.path(text), lambda path: save_file(tensors, path, {"identity": self.identity}))


@torch.inference_mode()
def encode_text(pipeline: StableDiffusion3Pipeline, text: str, tokens: int) -> Encoded:
    """One text by itself, with the pipeline's own code, on the device of its first encoder."""
    hidden, _, pooled, _ = pipeline.encode_prompt(
        prompt=text,
        prompt_2=None,
        prompt_3=None,
        device=pipeline.text_encoder.device,
        do_classifier_free_guidance=False,
        max_sequence_length=tokens,
    )
    return Encoded(hidden, pooled)
