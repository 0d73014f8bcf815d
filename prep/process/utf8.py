"""Names of files are UTF-8, whatever the locale says. Asked for where a process of the command line starts."""

import os
import sys


def begin_in_utf8() -> None:
    """Where the locale has names of files in another encoding, such as ASCII or Latin-1, begin this process again in
    Python's UTF-8 mode: kohya/ may hold names that the locale cannot write. What is printed stays in the locale's.
    """
    if sys.getfilesystemencoding() == "utf-8":
        return
    printed = os.environ.get("PYTHONIOENCODING") or getattr(sys.stdout, "encoding", None) or "utf-8"
    environment = {**os.environ, "PYTHONUTF8": "1", "PYTHONIOENCODING": printed}
    os.execve(sys.executable, sys.orig_argv, environment)
