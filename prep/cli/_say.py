"""What a command prints. Names, tags and settings may come from anybody: their control characters are escaped."""

import contextlib
import io
import sys

import click

from prep.names import shown
from prep.process.output import cannot_print


def say(text: object = "") -> None:
    """Print a line to stdout. Raises OutputError."""
    try:
        print(shown(str(text)), flush=True)
    except (OSError, ValueError) as error:
        raise cannot_print(error) from None


def say_error(text: object) -> None:
    """Print a line to stderr, if anybody reads it."""
    with contextlib.suppress(OSError, ValueError):
        print(shown(str(text)), file=sys.stderr, flush=True)


def say_wrong_use(error: click.ClickException) -> None:
    """Print click's own message about a wrong argument, which contains the argument."""
    text = io.StringIO()
    error.show(text)
    say_error(text.getvalue().rstrip("\n"))
