"""Where batches run. A new runner is a file beside this and a line here, or an entry point in `prep.runners`."""

import importlib

from prep.types import Runner

RUNNERS = {"local": "prep.runners.local:LocalRunner"}


def load_runner(name: str, own_process: bool = False) -> Runner:
    """own_process: this process is prep's own, so a runner may turn it to what a job needs."""
    module, _, attribute = RUNNERS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)(own_process=own_process)
