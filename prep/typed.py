"""Paths as users type them: `~` is the home folder; environment variables are left to the shell."""

import os
import re
from pathlib import Path

from prep.errors import UsageError

VARIABLE = re.compile(r"\$\w+|\$\{\w+\}|%[A-Za-z_]\w*%")


def typed_path(text: str, base: Path = Path()) -> Path:
    """text, with `~` and `~user` as home folders. base: what it is relative to.

    Raises UsageError for an unknown user, and for a missing path with an environment variable in it: otherwise a
    folder of that name would be created.
    """
    path = Path(text)
    if text.startswith("~"):
        try:
            path = path.expanduser()
        except RuntimeError:
            raise UsageError(f"{text} begins with an unknown user", hint="write the path out") from None
    if (found := VARIABLE.search(text)) and not os.path.lexists(base / path):
        raise UsageError(
            f"{text} does not exist, and prep does not expand environment variables such as {found[0]}",
            hint="write the path out, or remove the quotes so that the shell expands it; ~ is your home folder",
        )
    return path
