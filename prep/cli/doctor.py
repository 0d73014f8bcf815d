"""prep doctor: this machine, the models that would run on it, and how to get better ones."""

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
@click.option("--config", type=PATH, help="Read settings from this TOML file.")
def command(config: Path | None) -> int:
    """Show what this machine has, which models would run on it and why, and how to get better ones.

    Fetches nothing, and loads only the tagger, to time it. Exits with 0 if a run can begin, with 1 if something
    prevents it.

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
    """`  label    text`, and below it the next step, after an arrow."""
    text = _indented(line.text, f"  {line.label:<13}")
    return f"{text}\n{_indented(line.todo, ' ' * 15 + '-> ')}" if line.todo else text


def _indented(text: str, first: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
