"""A model by name: its files, its options, its digest; found, fetched, chosen; and who may be in memory now.

Nothing here reads a tensor or knows a network.
"""

from prep.models.fetch import answers, fetch
from prep.models.known import all_known, known
from prep.models.locate import Weights, locate
from prep.models.ref import ModelRef

__all__ = ["ModelRef", "Weights", "all_known", "answers", "fetch", "known", "locate"]
