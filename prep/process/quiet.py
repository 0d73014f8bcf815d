"""Silence library messages on stderr that nobody needs. Called when a process starts, before the libraries load."""

import os


def keep_libraries_quiet() -> None:
    """transformers and diffusers report on import that torchvision is missing, which nothing needs, and for each prompt
    the part that the CLIPs do not read (see docs/DRAWING.md). A log level set by the user is respected.
    """
    for library in ("TRANSFORMERS", "DIFFUSERS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
