"""prep exclude: leave pictures out of the set."""

from pathlib import Path

import click

from prep.cli._decide import decide


@click.command("exclude")
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
def command(out: Path, keys: tuple[str, ...]) -> int:
    """Leave pictures out of the set, as deleting them from kohya/ does.

    KEY is a path as in SRC, a file of kohya/ or generated/, its name, or the first letters of its hash.

    \b
    Example:
      prep exclude outputs/characters miku/3.png
    """
    return decide(out, keys, "exclude", "left out of the set")
