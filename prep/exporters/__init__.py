"""The formats of other trainers that a finished set can be shown in, by name. A new one is a file beside this and a
line here; a package outside the project adds its own through the entry point group `prep.exporters`.

A format is a function (FinishedSet, View) -> lines to tell: it says what lies in the view (see _view.py).
"""

from collections.abc import Callable
from typing import Any

from prep.errors import UsageError
from prep.registry import load_named

FORMATS = {
    "imagefolder": "prep.exporters.imagefolder:lay",
    "onetrainer": "prep.exporters.onetrainer:lay",
    "ai-toolkit": "prep.exporters.ai_toolkit:lay",
    "simpletuner": "prep.exporters.simpletuner:lay",
    "webdataset": "prep.exporters.webdataset:lay",
}


def load_format(name: str) -> Callable[[Any, Any], list[str]]:
    """The format of that name. Raises UsageError for an unknown one, with what is known."""
    return load_named(name, FORMATS, "prep.exporters", UsageError, "no format")
