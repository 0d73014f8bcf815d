"""Texts through SD3.5's text encoders, one encoder in memory at a time: CLIP-L, CLIP-G, T5.

Each text is encoded by itself: in a batch its numbers could differ in the last bit. The answers are those of
StableDiffusion3Pipeline.encode_prompt, to the bit, which needs all encoders at once.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prep.generators.sd35.prompts_cache import Encoded
from prep.tensors.device import give_back, is_out_of_memory, short_reason

CLIPS = ("clip_l", "clip_g")
LABELS = {"clip_l": "CLIP-L", "clip_g": "CLIP-G", "t5": "T5"}
CPU = torch.device("cpu")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Encoding:
    """load: an encoder by its name, new each time. tokens: of T5's part, which are zeros without T5. width: of T5's."""

    load: Callable[[str], PreTrainedModel]
    tokenizers: dict[str, PreTrainedTokenizerBase]  # without T5: of the CLIPs only
    device: torch.device
    dtype: torch.dtype
    tokens: int
    width: int

    def __call__(self, texts: list[str]) -> Iterator[tuple[str, Encoded]]:
        """Yield (text, encoded), on the CPU, in order.

        An encoder for which a card has no room works on the CPU. Raises what torch raises when that has none either.
        """
        pairs = [_two(text) for text in texts]
        tags = [*dict.fromkeys(tags for tags, _ in pairs)]
        clips = [dict(self._answers(name, tags, self._clip)) for name in CLIPS]
        if "t5" in self.tokenizers:
            answers = (long for _, long in self._answers("t5", [sentence for _, sentence in pairs], self._t5))
        else:
            zeros = torch.zeros(1, self.tokens, self.width, dtype=self.dtype)
            answers = (zeros for _ in texts)
        for text, (tags, _), long in zip(texts, pairs, answers, strict=True):
            hidden, pooled = (torch.cat(parts, dim=-1) for parts in zip(*(clip[tags] for clip in clips), strict=True))
            hidden = F.pad(hidden, (0, self.width - hidden.shape[-1]))
            yield text, Encoded(torch.cat([hidden, long], dim=-2), pooled)

    def _answers(self, name: str, texts: list[str], ask: Callable) -> Iterator[tuple[str, object]]:
        left = list(texts)
        for device in dict.fromkeys((self.device, CPU)):
            model = None
            try:
                model = self.load(name).to(device)
                while left:
                    yield left[0], ask(name, model, left[0])
                    left.pop(0)
                return
            except (MemoryError, RuntimeError) as error:
                if device == CPU or not is_out_of_memory(error):
                    raise
                log.info(f"generate: the card has no room for {LABELS[name]} ({short_reason(error)}): the CPU encodes")
            finally:
                del model
                give_back()

    @torch.inference_mode()
    def _clip(self, name: str, model: PreTrainedModel, text: str) -> tuple[torch.Tensor, torch.Tensor]:
        """(hidden [1, tokens, width], pooled [1, width])."""
        longest = self.tokenizers["clip_l"].model_max_length
        answer = model(self._ids(name, text, longest).to(model.device), output_hidden_states=True)
        return answer.hidden_states[-2].to(CPU, model.dtype), answer[0].to(CPU)

    @torch.inference_mode()
    def _t5(self, name: str, model: PreTrainedModel, text: str) -> torch.Tensor:
        """[1, tokens, width]."""
        return model(self._ids(name, text, self.tokens).to(model.device))[0].to(CPU, model.dtype)

    def _ids(self, name: str, text: str, tokens: int) -> torch.Tensor:
        """int64 [1, tokens]."""
        given = dict(padding="max_length", max_length=tokens, truncation=True, return_tensors="pt")
        return self.tokenizers[name]([text], **given).input_ids


def _two(text: str) -> tuple[str, str]:
    """(what the CLIPs read, what T5 reads): see prompts_cache.py."""
    tags, _, sentence = text.partition("\n")
    return tags, sentence or tags
