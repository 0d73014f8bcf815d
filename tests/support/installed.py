"""A generator of a package of its own, for real processes: an entry point beside prep, as anybody's would be."""

import os
from pathlib import Path

from tests.support.examples import ROOT


def palette(folder: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """(environment, settings) of processes in which tests/strangers/palette_generator.py draws."""
    package = folder / "site" / "strangers-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers\nVersion: 1\n")
    points = "[prep.generators]\npalette = tests.strangers.palette_generator:SPEC\n"
    (package / "entry_points.txt").write_text(points)
    colours, vary = folder / "palette.txt", folder / "vary.toml"
    colours.write_text("#1020f0\n#f02010\n#e0e0e0\n")
    vary.write_text('[a]\noptions = [["smile"], ["outdoors"], ["^_^"], ["white_shirt"]]\n')
    sets = (
        f"generator.model=palette:{colours}", "generator.sampler=rows", f"augmentation.vary={vary}", "check.bound=0.0",
        "thresholds.mode=fixed",
    )  # fmt: skip
    return {"PYTHONPATH": os.pathsep.join((str(package.parent), str(ROOT)))}, sets
