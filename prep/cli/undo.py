"""prep undo: take back what was decided."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prep.cli._decide import deciding
from prep.cli._say import say

if TYPE_CHECKING:
    from prep.edits.history import Step

SHOWN = 20


@click.command("undo")
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("steps", type=click.IntRange(1), default=1)
@click.option("--redo", is_flag=True, help="Bring back what was undone last.")
@click.option("--list", "listed", is_flag=True, help="Only show the history.")
def command(out: Path, steps: int, redo: bool, listed: bool) -> int:
    """Take back the last STEPS decisions: edited captions, excluded pictures, commands.

    What you did to the files of kohya/ since the last run is a step as well, the newest.

    \b
    Examples:
      prep undo outputs/characters
      prep undo outputs/characters 3 --redo
      prep undo outputs/characters --list
    """
    with deciding(out) as (_, edits):
        if listed:
            history = edits.history
            for step in history[-SHOWN:]:
                say(_line(step))
            if len(history) > SHOWN:
                say(f"and {len(history) - SHOWN:,} before")
            if not history:
                say("nothing was decided yet")
            return 0
        done = edits.redo(steps) if redo else edits.undo(steps)
        for step in done:
            say(f"{'done again' if redo else 'undone'}: {_line(step)}")
        if not done:
            say(f"nothing to {'do again' if redo else 'undo'}")
        elif any(change.what == "verdict" for step in done for change in step.changes):
            say("the next `prep run` puts back what belongs there")
    return 0


def _line(step: "Step") -> str:
    captions = sum(change.what == "caption" for change in step.changes)
    verdicts = [change for change in step.changes if change.what == "verdict"]
    parts = [f"{captions:,} caption{'' if captions == 1 else 's'}"] if captions else []
    for verdict in dict.fromkeys(change.after for change in verdicts):
        count = sum(change.after == verdict for change in verdicts)
        parts.append(f"{count:,} {verdict or 'restored'}")
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(step.at))
    of = f" of step {step.of}" if step.of else ""
    return f"step {step.number}, {when}, by {step.by}{of}: {', '.join(parts)}"
