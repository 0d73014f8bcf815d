"""Prompts, encoded once and kept: float [1, tokens, width] and [1, pooled width] per text, as the pipeline makes them.

A text has one line, or two: T5 then reads the second, and the CLIPs the first. The encoders are loaded only when a text
is missing: encoding.py.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from prep.errors import WeightsError
from prep.files import is_regular, real_folder, write_whole
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

    def encode(self, texts: Iterable[str], encode: Callable[[list[str]], Iterable[tuple[str, Encoded]]]) -> int:
        """Encode what is missing -> how many texts. encode: called only if needed.

        Raises StoppedError when the folder cannot be written.
        """
        missing = self.missing(texts)
        if not missing:
            return 0
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        real_folder(self.folder.parent, self.folder.name)
        for text, encoded in encode(missing):
            self._keep(text, encoded)
        return len(missing)

    def _keep(self, text: str, encoded: Encoded) -> None:
        tensors = {"hidden": encoded.hidden.contiguous().cpu(), "pooled": encoded.pooled.contiguous().cpu()}
        write_whole(self.path(text), lambda path: save_file(tensors, path, {"identity": self.identity}))
