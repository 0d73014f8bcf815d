"""The formats of other trainers that a finished set can be converted to, by name. A new one is a file beside this one
and a line here; a package outside the project adds its own through the entry point group `prep.formats`.

A format is a function (FinishedSet, View) -> lines to print. It describes what the view contains (see _view.py).
"""

from collections.abc import Callable
from typing import Any

from prep.errors import UsageError
from prep.registry import Family

FORMATS = Family(
    "no format",
    "prep.formats",
    {
        "kohya": "prep.formats.kohya:lay",
        "imagefolder": "prep.formats.imagefolder:lay",
        "onetrainer": "prep.formats.onetrainer:lay",
        "ai-toolkit": "prep.formats.ai_toolkit:lay",
        "simpletuner": "prep.formats.simpletuner:lay",
        "webdataset": "prep.formats.webdataset:lay",
    },
    UsageError,
)


def load_format(name: str) -> Callable[[Any, Any], list[str]]:
    """The format of that name. Raises UsageError with the nearest name for an unknown one."""
    return FORMATS.load(name)
