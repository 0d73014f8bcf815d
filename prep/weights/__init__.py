"""Where weights come from: a file, a folder, the cache, a download, the package. Nothing here loads a tensor."""

from prep.weights.choose import choose_tagger
from prep.weights.fetch import answers, fetch
from prep.weights.known import KNOWN, Model, known
from prep.weights.locate import Weights, locate

__all__ = ["KNOWN", "Model", "Weights", "answers", "choose_tagger", "fetch", "known", "locate"]
