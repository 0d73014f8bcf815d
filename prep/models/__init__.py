"""A model by name: its files, options and digest; how it is found, fetched and chosen; and which may be in memory.

Nothing here reads a tensor or knows a network architecture.
"""

from prep.models.fetch import answers, fetch
from prep.models.known import all_known, known
from prep.models.locate import Weights, locate
from prep.models.ref import ModelRef

__all__ = ["ModelRef", "Weights", "all_known", "answers", "fetch", "known", "locate"]
