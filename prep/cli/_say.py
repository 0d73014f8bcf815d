"""What a command prints. A name, a tag or a setting may be anybody's: no control character of theirs gets out."""

import contextlib
import io
import sys

import click

from prep.names import shown
from prep.process.output import cannot_print


def say(text: object = "") -> None:
    """A line on stdout. Raises OutputError."""
    try:
        print(shown(str(text)), flush=True)
    except (OSError, ValueError) as error:
        raise cannot_print(error) from None


def say_error(text: object) -> None:
    """A line on stderr, where somebody reads that."""
    with contextlib.suppress(OSError, ValueError):
        print(shown(str(text)), file=sys.stderr, flush=True)


def say_wrong_use(error: click.ClickException) -> None:
    """What click itself says of a wrong argument, which it repeats."""
    text = io.StringIO()
    error.show(text)
    say_error(text.getvalue().rstrip("\n"))
