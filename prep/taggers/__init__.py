"""The taggers, by the name of their weights. A new one is a file beside this and a line here; a package outside
the project adds its own through the entry point group `prep.taggers`.
"""

import importlib
from importlib.metadata import entry_points
from pathlib import Path

from prep.errors import SettingsError
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
    if name in TAGGERS:
        module, _, attribute = TAGGERS[name].partition(":")
        maker = getattr(importlib.import_module(module), attribute)
    else:
        others = {point.name: point for point in entry_points(group="prep.taggers")}
        if name not in others:
            raise SettingsError(f"tagger.model: no tagger is called {name}", hint=f"known: {', '.join(TAGGERS)}")
        maker = others[name].load()
    return maker(path, device, batch_size)
