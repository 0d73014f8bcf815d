"""What libraries would say on stderr that nobody needs to hear. Asked for where a process starts, before they load."""

import os


def keep_libraries_quiet() -> None:
    """transformers and diffusers tell on import that torchvision is not here, which nothing needs, and of each prompt
    what the CLIPs do not read of it: docs/DRAWING.md says how much they read. Who sets a level gets it."""
    for library in ("TRANSFORMERS", "DIFFUSERS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
