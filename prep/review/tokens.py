"""How many tokens a caption has for the text encoders: counted by their tokenizers if these are here, else estimated.

CLIP sees 77 tokens, two of them its own; sd-scripts' T5 sees 256.
"""

import re
import threading
from typing import Any

CLIP_TOKENS, T5_TOKENS = 77, 256
# Of the estimate: a word of so many letters is one token, a longer one several; each comma is one.
CLIP_LETTERS, T5_LETTERS = 8, 4
WORDS = re.compile(r"[^\W\d_]+|\d|[^\w\s]")


class Tokens:
    def __init__(self) -> None:
        self.clip: Any = None
        self.t5: Any = None

    def start(self) -> None:
        """Look for the tokenizers, which takes a while: until then all is estimated."""
        threading.Thread(target=self._load, daemon=True).start()

    def count(self, text: str) -> dict[str, dict[str, Any]]:
        """`clip` and `t5`, each with `count`, `limit` and `exact`."""
        return {
            "clip": _counted(self.clip, text, CLIP_LETTERS, 2) | {"limit": CLIP_TOKENS},
            "t5": _counted(self.t5, text, T5_LETTERS, 1) | {"limit": T5_TOKENS},
        }

    def _load(self) -> None:
        from prep.generators.sd35.found import tokenizer_here

        self.clip, self.t5 = tokenizer_here("clip_l"), tokenizer_here("t5")


def _counted(tokenizer: Any, text: str, letters: int, own: int) -> dict[str, Any]:
    if tokenizer is not None:
        return {"count": len(tokenizer(text)["input_ids"]), "exact": True}
    words = WORDS.findall(text)
    return {"count": own + sum(-(-len(word) // letters) for word in words), "exact": False}
