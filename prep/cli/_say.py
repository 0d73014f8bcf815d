"""What a command prints. A name, a tag or a setting may be anybody's: no control character of theirs gets out."""

import io

import click

from prep.names import shown


def say(text: object = "", err: bool = False) -> None:
    """A line on stdout, or on stderr."""
    click.echo(shown(str(text)), err=err)


def say_wrong_use(error: click.ClickException) -> None:
    """What click itself says of a wrong argument, which it repeats."""
    text = io.StringIO()
    error.show(text)
    say(text.getvalue().rstrip("\n"), err=True)
