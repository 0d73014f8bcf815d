"""prep models: the known weights, and fetching them."""

from pathlib import Path

import click

from prep.cli._path import PATH
from prep.cli._say import say


@click.group("models", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List the known weights: sizes, licences, and where they are or how to get them.

    \b
    Examples:
      prep models
      prep models get deepdanbooru-v3
    """
    if context.invoked_subcommand is None:
        from prep.models.listing import listing

        for line in listing():
            say(line)


@command.command("get")
@click.argument("name")
@click.option("--again", is_flag=True, help="Fetch it again even if it is on this machine, to replace a broken file.")
def get(name: str, again: bool) -> None:
    """Fetch the weights called NAME into the cache; an interrupted download resumes.

    \b
    Examples:
      prep models get deepdanbooru-v3
      prep models get deepdanbooru-v3 --again
    """
    from prep.models import fetch, known
    from prep.models.locate import find

    model = known(name)
    if not model.packaged and (again or not find(model)):
        say(f"{model.name}: {model.size} from {model.page}")
        say(f"licence: {model.licence} ({model.licence_url})")
    weights = fetch(name, again)
    place = "comes with prep:" if weights.source == "package" else "is in"
    say(f"{weights.name} {place} {weights.path}, sha256 {weights.digest}")
    if weights.note:
        say(f"{weights.note}; `prep models get {weights.name} --again` fetches it again")


@command.command("convert")
@click.argument("file", type=PATH)
def convert(file: Path) -> None:
    """Write the tensors of FILE, a .ckpt or .pt, into a .safetensors file beside it. Nothing in FILE is run.

    \b
    Example:
      prep models convert sd3.5_large.ckpt
    """
    from prep.tensors.convert import to_safetensors

    target, count = to_safetensors(file)
    say(f"{target}: {count:,} tensors, {target.stat().st_size / 1e9:.2f} GB")
