"""The generators, by the name of their weights. A new one is a file beside this and a line here; a package outside the
project adds its own through the entry point group `prep.generators`.
"""

import os
from collections.abc import Callable
from pathlib import Path

from prep.config import GeneratorSettings
from prep.errors import SettingsError
from prep.registry import load_named
from prep.types import Generator

SD35 = "prep.generators.sd35.generator:from_parts"
GENERATORS = {
    "sd35-large-fp8": SD35,
    "sd35-large-turbo-fp8": SD35,
    "sd35-medium": SD35,
    "starter-generator": SD35,
    "file": SD35,
}


def load_generator(
    name: str,
    model: Path,
    parts: dict[str, Path],
    settings: GeneratorSettings,
    encoded: Path,
    offline: bool,
    say: Callable[[str], None],
) -> Generator:
    """The generator of that name. No weight is read yet: it answers what it is, and loads when it is to draw.

    parts: vae, clip_l, clip_g, t5, where they have files of their own. encoded: a folder for encoded prompts.
    Raises SettingsError for an unknown name, WeightsError for a file that does not fit.
    """
    # They would tell on import that torchvision is not here, which nothing needs, and of each prompt what the CLIPs do
    # not read of it: docs/DRAWING.md says how much they read.
    for library in ("TRANSFORMERS", "DIFFUSERS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
    maker = load_named(name, GENERATORS, "prep.generators", SettingsError, "generator.model: no generator")
    return maker(model, parts, settings, encoded, name, offline, say)
