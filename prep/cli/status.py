"""prep status: what is done, and what a run would do now."""

import gc
from pathlib import Path

import click

from prep.cli._path import PATH
from prep.cli._say import say


@click.command("status")
@click.argument("out", type=PATH)
@click.option("--problems", is_flag=True, help="Show only what is left out, and why.")
@click.option("--diff", is_flag=True, help="Show only captions edited by hand, next to prep's own.")
@click.option("--disagreements", is_flag=True, help="Show only where the two readers of the set differ.")
def command(out: Path, problems: bool, diff: bool, disagreements: bool) -> None:
    """Show what is done, kept and rejected in OUT, each character's profile, and what a run would do now.

    \b
    Examples:
      prep status outputs/characters
      prep status outputs/characters --diff
    """
    if not (problems or diff or disagreements):
        from prep.pipeline.settled import last_status

        if lines := last_status(out):
            for line in lines:
                say(line)
            return
    gc.disable()  # a short process with many rows and no cycles: collecting garbage would only cost time
    from prep.process.arrow import keep_arrow_small
    from prep.process.heap import keep_freed_memory, own_this_process

    keep_arrow_small()
    own_this_process()
    keep_freed_memory()  # each part of the ledger is read into the memory of the one before
    from prep.pipeline.disputed import disagreements_of
    from prep.pipeline.status import diff_of, problems_of, status_of

    asked = ((problems, problems_of), (diff, diff_of), (disagreements, disagreements_of), (True, status_of))
    for line in next(lines for given, lines in asked if given)(out):
        say(line)
