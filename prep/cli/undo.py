"""prep undo: undo decisions."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prep.cli._decide import deciding
from prep.cli._path import PATH
from prep.cli._say import say

if TYPE_CHECKING:
    from prep.edits.history import Step

SHOWN = 20


@click.command("undo")
@click.argument("out", type=PATH)
@click.argument("steps", type=click.IntRange(1), default=1)
@click.option("--redo", is_flag=True, help="Redo what was undone last.")
@click.option("--list", "listed", is_flag=True, help="Only show the history.")
def command(out: Path, steps: int, redo: bool, listed: bool) -> int:
    """Undo the last STEPS decisions: edited captions, excluded pictures, commands.

    What you did to the files in kohya/ since the last run is a step as well, the newest one.

    \b
    Examples:
      prep undo outputs/characters
      prep undo outputs/characters 3 --redo
      prep undo outputs/characters --list
    """
    from prep.dataset.opened import is_no_copy

    with deciding(out, dry=listed) as (found, edits):
        rows = found.rows(is_no_copy, columns=["source"])
        names = {row["picture"]: row["source"] or row["file"] for row in rows}
        if listed:
            history = edits.history
            for step in history[-SHOWN:]:
                say(_line(step, names))
            if len(history) > SHOWN:
                say(f"and {len(history) - SHOWN:,} before")
            if not history:
                say("there are no decisions yet")
            return 0
        done = edits.redo(steps) if redo else edits.undo(steps)
        for step in done:
            say(f"{'redone' if redo else 'undone'}: {_line(step, names)}")
        if edits.left:
            say("settings.toml was changed by hand since, and stays as it is")
        if 0 < len(done) < steps:
            say(f"there was nothing more to {'redo' if redo else 'undo'}")
        if not done:
            say(f"nothing to {'redo' if redo else 'undo'}")
        elif any(change.what == "verdict" for step in done for change in step.changes):
            say("the next `prep run` changes kohya/ accordingly")
    return 0


def _line(step: "Step", names: dict[str, str]) -> str:
    """names: of pictures, as the user knows them."""
    from prep.edits.step_text import step_text

    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(step.at))
    of = f" of step {step.of}" if step.of else ""
    return f"step {step.number}, {when}, by {step.by}{of}: {step_text(step, names)}"
