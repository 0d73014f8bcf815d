"""The command line. One file per command; a command's file is imported when it is called, so `--help` is quick."""

import importlib
import sys

import click

from prep.cli._say import say, say_wrong_use
from prep.errors import Interrupted, PrepError
from prep.process.quiet import keep_libraries_quiet

COMMANDS = {
    "run": "turn a folder of images into a training set",
    "status": "what is done, kept and rejected, and what a run would do now",
    "accept": "take pictures that were rejected",
    "reject": "refuse pictures that were accepted",
    "exclude": "leave pictures out of the set",
    "restore": "take back what was decided of pictures",
    "undo": "take back the last decision, a caption that was edited among them",
    "tags": "the tags of a set with their counts; add, remove or rename one in all captions",
    "redraw": "one picture: its tags, the prompts, new pictures from it, and how well they match",
    "lint": "check a kohya folder or dataset.toml against sd-scripts' rules",
    "push": "put a set on the Hugging Face Hub as a dataset",
    "export": "convert a finished set for another trainer",
    "doctor": "this machine, the models that would run on it, and what to do for better ones",
    "models": "the known weights: sizes, licences, where they are; fetch them",
}


class LazyGroup(click.Group):
    """Knows its commands by name and one line; loads prep.cli.NAME and takes its `command` when one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return importlib.import_module(f"prep.cli.{name}").command

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
    """Run a command and leave with its exit code: 0, 1, 2, 3, 130 or 143 (see prep/errors.py)."""
    keep_libraries_quiet()
    try:
        code = group.main(standalone_mode=False)
    except PrepError as error:
        say(f"prep: {error}", err=True)
        code = error.exit_code
    except click.ClickException as error:
        say_wrong_use(error)
        code = error.exit_code
    except (Interrupted, click.Abort, KeyboardInterrupt) as error:
        code = getattr(error, "exit_code", 130)
        say("prep: interrupted; everything finished so far is kept, run again to go on.", err=True)
    sys.exit(code or 0)
