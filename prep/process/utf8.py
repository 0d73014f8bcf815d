"""File names are UTF-8, whatever the locale says. Called when a command-line process starts."""

import os
import sys


def begin_in_utf8() -> None:
    """If the locale has another encoding for file names, such as ASCII or Latin-1, restart this process in Python's
    UTF-8 mode: kohya/ may contain names that the locale cannot express. Printed text keeps the locale's encoding.
    """
    if sys.getfilesystemencoding() == "utf-8":
        return
    printed = os.environ.get("PYTHONIOENCODING") or getattr(sys.stdout, "encoding", None) or "utf-8"
    environment = {**os.environ, "PYTHONUTF8": "1", "PYTHONIOENCODING": printed}
    os.execve(sys.executable, sys.orig_argv, environment)
