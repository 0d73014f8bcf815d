"""prep export: a finished set in another trainer's format."""

from pathlib import Path

import click

from prep.captions.forms import FORMS
from prep.cli._path import PATH
from prep.errors import UsageError
from prep.formats import FORMATS
from prep.sections import base_model


class _Base(click.Choice):
    """A base model, or one of its kin: `illustrious` is `sdxl`."""

    def __init__(self) -> None:
        super().__init__([*FORMS], case_sensitive=False)

    def convert(self, value, param, ctx):
        return super().convert(base_model(value), param, ctx)


@click.command("export")
@click.argument("out", type=PATH)
@click.option(
    "--to",
    "formats",
    metavar="FORMAT",
    multiple=True,
    help=f"{', '.join(FORMATS.members)}. May be repeated.",
)
@click.option(
    "--for",
    "bases",
    metavar="BASE",
    multiple=True,
    type=_Base(),
    help=f"Write captions as this base model reads them: {', '.join(FORMS)}. May be repeated. Alone, with --to kohya.",
)  # fmt: skip
def command(out: Path, formats: tuple[str, ...], bases: tuple[str, ...]) -> int:
    """Convert the finished set in OUT for another trainer, into OUT/export/FORMAT, or for another base model, into
    OUT/export/FORMAT-BASE.

    Images are linked, not copied, if the trainer reads their format. Captions are read from kohya/: edit them there.
    Run it again after a change; only what differs is written. docs/FORMATS.md describes every format.

    \b
    Examples:
      prep export outputs/characters --to imagefolder
      prep export outputs/characters --to onetrainer --to ai-toolkit
      prep export outputs/characters --for anima
      prep export outputs/characters --for flux --to ai-toolkit
    """
    from prep.dataset.finished import read_set
    from prep.formats import load_format
    from prep.formats.views import write_views
    from prep.ledger import Ledger
    from prep.names import printable
    from prep.pipeline.reworded import reword_for
    from prep.process.lock import locked
    from prep.process.pictures import trust_our_own_limits
    from prep.process.report import Report
    from prep.process.signals import interruptible
    from prep.runners.local import LocalRunner

    formats = tuple(name if name in FORMATS.names() else name.lower() for name in formats)  # such as OneTrainer
    for name in formats:
        load_format(name)
    if not formats and not bases:
        raise UsageError("nothing to export: neither --to nor --for is given", hint="such as --to imagefolder")
    formats = formats or ("kohya",)
    trust_our_own_limits()
    read_set(out)  # errors come before waiting for the lock; it is read again under the lock
    with interruptible(), locked(out / ".prep" / "lock"), Report(out / ".prep" / "log") as report:
        ledger = Ledger.begin(out / ".prep" / "ledger")
        left_out = {}
        for base in dict.fromkeys(bases) or [""]:
            reword = reword_for(out, base, ledger, LocalRunner(), report) if base else None
            left_out |= write_views(out, formats, ledger, report.say, report.bar, reword)
        for file, why in left_out.items():
            report.say(f"left out: {printable(file)} {why}")
    return 1 if left_out else 0
