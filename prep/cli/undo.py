"""prep undo: undo decisions."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prep.cli._decide import deciding
from prep.cli._path import PATH
from prep.cli._say import say
from prep.names import printable, quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prep.edits.history import Change, Step

SHOWN = 20
SHOWN_TAGS = 4
SHOWN_PICTURES = 3


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
    with deciding(out, dry=listed) as (found, edits):
        names = {row["picture"]: row["source"] or row["file"] for row in found.rows(columns=["source"])}
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
        if 0 < len(done) < steps:
            say(f"there was nothing more to {'redo' if redo else 'undo'}")
        if not done:
            say(f"nothing to {'redo' if redo else 'undo'}")
        elif any(change.what == "verdict" for step in done for change in step.changes):
            say("the next `prep run` puts back what belongs there")
    return 0


def _line(step: "Step", names: dict[str, str]) -> str:
    """names: of pictures, as the user knows them."""
    captions = [change for change in step.changes if change.what == "caption"]
    verdicts = [change for change in step.changes if change.what == "verdict"]
    parts = []
    if captions:
        parts.append(f"{quantity(len(captions), 'caption')}{_tags(captions)}{_named(captions, names)}")
    for verdict in dict.fromkeys(change.after for change in verdicts):
        same = [change for change in verdicts if change.after == verdict]
        parts.append(f"{len(same):,} {verdict or 'restored'}{_named(same, names)}")
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(step.at))
    of = f" of step {step.of}" if step.of else ""
    return f"step {step.number}, {when}, by {step.by}{of}: {', '.join(parts)}"


def _tags(captions: "Sequence[Change]") -> str:
    """The tags that were added and removed, if they are the same in all captions."""
    from prep.edits.merge import items

    found = set()
    for change in captions:
        before, after = (items(state.text or "") if state else [] for state in (change.before, change.after))
        came = tuple(f"+{item}" for item in after if item not in before)
        found.add((*came, *(f"-{item}" for item in before if item not in after)))
    (same,) = found if len(found) == 1 else ((),)
    return f" ({', '.join(same)})" if 0 < len(same) <= SHOWN_TAGS else ""


def _named(changes: "Sequence[Change]", names: dict[str, str]) -> str:
    """The first of the pictures."""
    pictures = sorted(names.get(change.picture, change.picture) for change in changes)
    found = list(map(printable, pictures[:SHOWN_PICTURES]))
    more = len(pictures) - len(found)
    return f" ({', '.join(found)}{f' and {more:,} more' if more else ''})" if found else ""
