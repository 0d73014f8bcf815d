"""prep accept: take rejected pictures."""

from pathlib import Path

import click

from prep.cli._decide import decide


@click.command("accept")
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
def command(out: Path, keys: tuple[str, ...]) -> int:
    """Take pictures that the scan or the check rejected: a small one, a drawn one.

    KEY is a path as in SRC, a file of kohya/ or generated/, its name, or the first letters of its hash.

    \b
    Example:
      prep accept outputs/characters generated/miku/rejected/5b3c.png
    """
    return decide(out, keys, "accept", "accepted", "the next `prep run` puts what was not there into kohya/")
