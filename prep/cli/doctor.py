"""prep doctor: this machine, the models that would run on it, and what to do for better ones."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prep.cli._path import PATH
from prep.cli._say import say

if TYPE_CHECKING:
    from prep.machine.examine import Line

WIDTH = 110


@click.command("doctor")
@click.option("--config", type=PATH, help="Look with the settings of this TOML file.")
def command(config: Path | None) -> int:
    """What this machine has, which models would run on it and why, and what to do for better ones.

    Nothing is loaded or fetched. Exits with 0 when a run can begin, with 1 when something stops it.

    \b
    Examples:
      prep doctor
      prep doctor --config my.toml
    """
    from prep.config import load_settings
    from prep.machine.examine import examine

    stops = False
    for title, lines in examine(load_settings(config=config)):
        say(title)
        for line in lines:
            stops |= line.stops
            say(shown(line))
    return 1 if stops else 0


def shown(line: "Line") -> str:
    """`  label    text`, and what to do next under it, after an arrow."""
    text = _indented(line.text, f"  {line.label:<13}")
    return f"{text}\n{_indented(line.todo, ' ' * 15 + '-> ')}" if line.todo else text


def _indented(text: str, first: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
