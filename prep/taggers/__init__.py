"""The taggers, by the name of their weights. A new one is a file beside this and a line here; a package outside
the project adds its own through the entry point group `prep.taggers`.
"""

from pathlib import Path

from prep.errors import SettingsError
from prep.registry import load_named
from prep.types import Tagger

TAGGERS = {
    "deepdanbooru-v3": "prep.taggers.deepdanbooru:DeepDanbooru",
    "starter-tagger": "prep.taggers.deepdanbooru:DeepDanbooru",
    "file": "prep.taggers.deepdanbooru:DeepDanbooru",
}


def load_tagger(name: str, path: Path, device: str, batch_size: int) -> Tagger:
    """The tagger of that name with the weights at path, ready to answer.

    Raises SettingsError for an unknown name, WeightsError for a file that does not fit.
    """
    maker = load_named(name, TAGGERS, "prep.taggers", SettingsError, "tagger.model: no tagger")
    return maker(path, device, batch_size)
