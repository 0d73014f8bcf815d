"""The command line. One file per command; a command's file is imported when it is called, so `--help` is quick."""

import errno
import importlib
import os
import sys

import click

from prep.cli._say import say, say_error, say_wrong_use
from prep.errors import Interrupted, PrepError, StoppedError, UsageError
from prep.process.output import ReaderLeft, cannot_print, check_output, ready_output
from prep.process.quiet import keep_libraries_quiet
from prep.process.threads import let_threads_sleep
from prep.process.utf8 import begin_in_utf8

COMMANDS = {
    "run": "turn a folder of images into a training set",
    "status": "what is done, kept and rejected, and what a run would do now",
    "report": "a finished set as one page, to look at or to send",
    "accept": "accept pictures that were rejected",
    "reject": "reject pictures that were accepted",
    "exclude": "leave pictures out of the set",
    "restore": "undo the decisions about pictures",
    "undo": "undo the last decision, including an edited caption",
    "tags": "the tags of a set with their counts; add, remove or rename one in all captions",
    "review": "a page on this machine to look through a set, judge and correct it by keyboard",
    "redraw": "draw one picture again: its tags, the prompts, new pictures, and how well they match",
    "serve": "read, caption and draw for other programs over HTTP; also the routes of A1111's web UI",
    "lint": "check a kohya folder or dataset.toml against sd-scripts' rules",
    "push": "publish a set as a dataset on the Hugging Face Hub",
    "export": "convert a finished set for another trainer",
    "doctor": "this machine, the models that would run on it, and how to get better ones",
    "models": "the known weights: sizes, licences, where they are; fetch them",
}


class LazyGroup(click.Group):
    """Knows each command's name and one line of help; imports prep.cli.NAME for its `command` when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return importlib.import_module(f"prep.cli.{name}").command

    def resolve_command(self, ctx: click.Context, args: list[str]):
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from prep.registry import nearest

            raise UsageError(f"no command is called {args[0]}", hint=nearest(args[0], list(COMMANDS)))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="prep-lora", prog_name="prep")
def group() -> None:
    """prep turns a folder of anime art, one sub-folder per character, into a LoRA training set.

    \b
    Example:
      prep run examples/characters
    """


def main() -> None:
    """Run a command and exit with its code: 0, 1, 2, 3, 130 or 143 (see prep/errors.py), or 141 if the reader of its
    output left before the end.
    """
    begin_in_utf8()
    keep_libraries_quiet()
    let_threads_sleep()
    ready_output()
    sys.exit(_code())


def _code() -> int:
    try:
        code = _called()
        check_output()
        return code
    except ReaderLeft as error:
        return error.exit_code
    except PrepError as error:
        say_error(f"prep: {error}")
        return error.exit_code


def _called() -> int:
    """Raises PrepError."""
    try:
        return group.main(standalone_mode=False) or 0
    except click.ClickException as error:
        say_wrong_use(error)
        return error.exit_code
    except (Interrupted, click.Abort, KeyboardInterrupt) as error:
        say_error("prep: interrupted; everything finished so far is kept, run again to continue.")
        return getattr(error, "exit_code", 130)
    except SystemExit:  # how click itself exits when nobody reads its help
        raise cannot_print(BrokenPipeError(errno.EPIPE, "")) from None
    except OSError as error:  # of a file that no command handles
        say()  # raises if standard output is what failed
        name = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        raise StoppedError(f"{name}{error.strerror or error}", hint="fix that, then run the command again") from None
    except MemoryError:
        raise StoppedError("prep ran out of memory", hint="close other programs, then run the command again") from None
