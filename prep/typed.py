"""Paths as a person types them: `~` is the home folder; variables of the environment are the shell's, and not read."""

import os
import re
from pathlib import Path

from prep.errors import UsageError

VARIABLE = re.compile(r"\$\w+|\$\{\w+\}|%[A-Za-z_]\w*%")


def typed_path(text: str, base: Path = Path()) -> Path:
    """text, with `~` and `~user` as home folders. base: what it is relative to.

    Raises UsageError for an unknown user, and for a missing path that has a variable of the
    environment in it: a folder of that name would else be made.
    """
    path = Path(text)
    if text.startswith("~"):
        try:
            path = path.expanduser()
        except RuntimeError:
            raise UsageError(f"{text} begins with an unknown user", hint="write the path out") from None
    if (found := VARIABLE.search(text)) and not os.path.lexists(base / path):
        raise UsageError(
            f"{text} is not there, and prep reads no variables of the environment such as {found[0]}",
            hint="write the path out, or leave the quotes away, so that the shell reads it; ~ is your home folder",
        )
    return path
