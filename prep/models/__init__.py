"""Where weights come from: a file, a folder, the cache, a download, the package. Nothing here loads a tensor."""

from prep.models.choose import choose_tagger
from prep.models.fetch import answers, fetch
from prep.models.known import KNOWN, Model, known
from prep.models.locate import Weights, locate

__all__ = ["KNOWN", "Model", "Weights", "answers", "choose_tagger", "fetch", "known", "locate"]
