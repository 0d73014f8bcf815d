"""prep restore: take back what was decided of pictures."""

from pathlib import Path

import click

from prep.cli._decide import decide


@click.command("restore")
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
def command(out: Path, keys: tuple[str, ...]) -> int:
    """Take back that pictures were excluded, accepted or rejected.

    KEY is a path as in SRC, a file of kohya/ or generated/, its name, or the first letters of its hash.

    \b
    Example:
      prep restore outputs/characters miku/3.png
    """
    return decide(out, keys, "restore", "as if nothing was decided", "the next `prep run` puts back what belongs there")
