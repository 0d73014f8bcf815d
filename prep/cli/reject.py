"""prep reject: refuse accepted pictures."""

from pathlib import Path

import click

from prep.cli._decide import decide


@click.command("reject")
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
def command(out: Path, keys: tuple[str, ...]) -> int:
    """Refuse pictures that were accepted: a drawn one that is not the character.

    KEY is a path as in SRC, a file of kohya/ or generated/, its name, or the first letters of its hash.

    \b
    Example:
      prep reject outputs/characters kohya/4_miku-drawn/0f12-404a15e475ed.png
    """
    return decide(out, keys, "reject", "rejected")
